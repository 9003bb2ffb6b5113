// Running the commands that the configuration names, as those see it who want one run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "command_table.hpp"
#include "event_loop.hpp"

namespace anyprobe {

// A command that was asked for. Destroying it forgets it: the process and its group are killed.
class RunningCommand {
 public:
  RunningCommand() = default;
  virtual ~RunningCommand() = default;
  RunningCommand(const RunningCommand&) = delete;
  RunningCommand& operator=(const RunningCommand&) = delete;

  [[nodiscard]] virtual bool started() const = 0;
  // What it waits for while it is not.
  [[nodiscard]] virtual std::string waits_for() const = 0;
};

enum class HookState : std::uint8_t { down, up };
const char* to_string(HookState state);

class CommandRunner {
 public:
  using Done = std::function<void(const CommandResult&)>;

  CommandRunner() = default;
  virtual ~CommandRunner() = default;
  CommandRunner(const CommandRunner&) = delete;
  CommandRunner& operator=(const CommandRunner&) = delete;

  // From now on the commands are these.
  virtual void use(CommandTable table) = 0;
  // `done` is called once, from a clean stack, and may destroy what is returned here. Without a slot to be
  // had the command waits for one.
  [[nodiscard]] virtual std::unique_ptr<RunningCommand> start(const CommandName& name, Done done) = 0;
  // Runs a hook on its own, its end is logged. Returns at once. `reason`: a slug.
  virtual void run_hook(const CommandName& name, HookState state, std::string_view reason) = 0;
};

// A command that is not to be had: not_started, for the reason given.
std::unique_ptr<RunningCommand> impossible_command(EventLoop& loop, std::string why,
                                                   CommandRunner::Done done);
std::string too_many_run(std::size_t running);  // what one waits for that has no slot

// One command of a probe's options. Without a runner (where the configuration is only looked at) it cannot be
// started.
class ProbeCommand {
 public:
  ProbeCommand() = default;
  ProbeCommand(CommandRunner* runner, CommandName name, std::vector<std::string> words)
      : runner_(runner), name_(std::move(name)), words_(std::move(words)) {}

  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }
  [[nodiscard]] std::unique_ptr<RunningCommand> start(CommandRunner::Done done) const {
    return runner_->start(name_, std::move(done));
  }

 private:
  CommandRunner* runner_ = nullptr;
  CommandName name_;
  std::vector<std::string> words_;
};

}  // namespace anyprobe
