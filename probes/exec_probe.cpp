#include "probes/exec_probe.hpp"

#include <array>
#include <utility>

#include "core/command_runner.hpp"
#include "core/text.hpp"
#include "probes/exec_judge.hpp"

namespace anyprobe {
namespace {

constexpr std::array<const char*, 2> kVerdicts = {"pass", "fail"};

constexpr std::array kExecOptions = {
    OptionSpec{
        .name = "command",
        .kind = OptionKind::command,
        .list = true,
        .help =
            "a program and its arguments, run without a shell: exit code 0 is good, 1 a warning, 2 bad, 3 "
            "says that it could not be told, any other is bad",
        .required = true},
    OptionSpec{.name = "warning",
               .kind = OptionKind::choice,
               .default_value = "pass",
               .help = "what a warning, exit code 1, counts for",
               .choices = kVerdicts},
};

class ExecAttempt final : public Attempt {
 public:
  ExecAttempt(const ProbeCommand& command, bool warning_passes, ResultSink& sink)
      : command_(command), running_(command.start([&sink, warning_passes](const CommandResult& result) {
          sink.report(judge_command(result, warning_passes));
        })) {}

  [[nodiscard]] std::string waiting_for() const override {
    if (!running_->started()) return "not started: " + running_->waits_for();
    return in_quotes(command_.words().front()) + " has not ended";
  }
  [[nodiscard]] bool asked() const override { return running_->started(); }

 private:
  const ProbeCommand& command_;
  std::unique_ptr<RunningCommand> running_;
};

class ExecProbe final : public Probe {
 public:
  ExecProbe(ProbeCommand command, bool warning_passes)
      : command_(std::move(command)), warning_passes_(warning_passes) {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override { return {}; }  // only the command knows
  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    return std::make_unique<ExecAttempt>(command_, warning_passes_, sink);
  }

 private:
  const ProbeCommand command_;
  const bool warning_passes_;
};

std::unique_ptr<Probe> create_exec(EventLoop& /*loop*/, Options& options) {
  auto command = options.command("command");
  const bool warning_passes = options.text("warning") == "pass";
  if (options.failed()) return nullptr;
  return std::make_unique<ExecProbe>(std::move(command), warning_passes);
}

}  // namespace

const ProbePlugin kExecProbe{.abi = kPluginAbi,
                             .type = "exec",
                             .summary = "runs a command, such as a plugin of Nagios, and takes its exit code",
                             .options = kExecOptions,
                             .create = create_exec};

}  // namespace anyprobe
