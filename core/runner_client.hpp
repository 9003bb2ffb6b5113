// The prober's end of the socket to the runner.
#pragma once

#include <cstdint>
#include <map>

#include "command_runner.hpp"
#include "descriptor.hpp"
#include "runner_message.hpp"

namespace anyprobe {

class RunnerClient final : public CommandRunner {
 public:
  explicit RunnerClient(EventLoop& loop);
  ~RunnerClient() override;

  // The way to a runner, and again to each that takes its place.
  void connect(Descriptor socket);
  // The generation of the table that use() is called with next.
  void expect(std::uint32_t generation) { expected_ = generation; }

  void use(CommandTable table) override;
  [[nodiscard]] std::unique_ptr<RunningCommand> start(const CommandName& name, Done done) override;
  void run_hook(const CommandName& name, HookState state, std::string_view reason) override;

 private:
  class Asked;

  bool send(const RunnerMessage& message);
  void receive();
  void gone();
  void take(const RunnerMessage& message);
  void end(std::uint32_t id, const CommandResult& result);

  EventLoop& loop_;
  std::map<CommandName, std::uint32_t> numbers_;  // in the table of `generation_`
  std::uint32_t generation_ = 0;
  std::uint32_t expected_ = 0;
  std::uint32_t last_id_ = 0;
  std::map<std::uint32_t, Asked*> asked_;  // each takes itself out when it goes
  Descriptor socket_;
  Io io_;
};

}  // namespace anyprobe
