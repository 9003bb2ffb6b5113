#include "command_runner.hpp"

namespace anyprobe {
namespace {

class ImpossibleCommand final : public RunningCommand {
 public:
  ImpossibleCommand(EventLoop& loop, std::string why, CommandRunner::Done done)
      : why_(std::move(why)), done_(std::move(done)), tell_(loop, [this] { tell(); }) {
    tell_.schedule();
  }
  [[nodiscard]] bool started() const override { return false; }
  [[nodiscard]] std::string waits_for() const override { return why_; }

 private:
  void tell() {
    const CommandResult result{CommandResult::End::not_started, 0, why_};
    const auto done = std::move(done_);
    done(result);  // this may be gone now
  }

  std::string why_;
  CommandRunner::Done done_;
  Deferred tell_;
};

}  // namespace

std::unique_ptr<RunningCommand> impossible_command(EventLoop& loop, std::string why,
                                                   CommandRunner::Done done) {
  return std::make_unique<ImpossibleCommand>(loop, std::move(why), std::move(done));
}

std::string too_many_run(std::size_t running) {
  return std::to_string(running) + (running == 1 ? " command runs already" : " commands run already");
}

const char* to_string(HookState state) {
  return state == HookState::up ? "up" : "down";
}

}  // namespace anyprobe
