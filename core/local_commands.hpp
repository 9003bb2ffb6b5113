// Commands run by this process itself, where there is no runner: for `check` and --dry-run.
#pragma once

#include <map>

#include "command_order.hpp"
#include "command_pool.hpp"
#include "command_runner.hpp"

namespace anyprobe {

class LocalCommands final : public CommandRunner {
 public:
  explicit LocalCommands(EventLoop& loop);

  void use(CommandTable table) override;
  [[nodiscard]] std::unique_ptr<RunningCommand> start(const CommandName& name, Done done) override;
  // Only says what it would run.
  void run_hook(const CommandName& name, HookState state, std::string_view reason) override;

 private:
  EventLoop& loop_;
  Children children_;
  CommandPool pool_;
  std::map<CommandName, PreparedCommand> commands_;
};

}  // namespace anyprobe
