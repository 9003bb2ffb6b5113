#include "local_commands.hpp"

#include <utility>

#include "text.hpp"

namespace anyprobe {
namespace {

class LocalCommand final : public RunningCommand {
 public:
  explicit LocalCommand(CommandPool& pool) : pool_(pool) {}
  ~LocalCommand() override {
    if (!ended_) pool_.cancel(ticket_);
  }

  void begin(const CommandOrder& order, Duration deadline, CommandRunner::Done done) {
    done_ = std::move(done);
    ticket_ = pool_.start(order, deadline,
                          {.queued = [this](std::size_t running) { running_ = running; },
                           .started = [this] { started_ = true; },
                           .done = [this](const CommandResult& result) { end(result); }});
  }
  [[nodiscard]] bool started() const override { return started_; }
  [[nodiscard]] std::string waits_for() const override {
    return running_ == 0 ? "not started yet" : too_many_run(running_);
  }

 private:
  void end(const CommandResult& result) {
    ended_ = true;
    const auto done = std::move(done_);
    done(result);  // this may be gone now
  }

  CommandPool& pool_;
  CommandRunner::Done done_;
  CommandPool::Ticket ticket_ = 0;
  std::size_t running_ = 0;
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace

LocalCommands::LocalCommands(EventLoop& loop)
    : loop_(loop), children_(loop), pool_(loop, children_, CommandTable().max_running) {}

void LocalCommands::use(CommandTable table) {
  pool_.set_most(table.max_running);
  commands_.clear();
  for (auto& command : prepare_commands(std::move(table.commands))) {
    auto name = command.spec.name;
    commands_.emplace(std::move(name), std::move(command));
  }
}

std::unique_ptr<RunningCommand> LocalCommands::start(const CommandName& name, Done done) {
  const auto it = commands_.find(name);
  if (it == commands_.end()) return impossible_command(loop_, "there is no such command", std::move(done));
  const auto& command = it->second;
  if (!command.order) return impossible_command(loop_, command.order.error(), std::move(done));
  auto out = std::make_unique<LocalCommand>(pool_);
  out->begin(*command.order, command.spec.deadline, std::move(done));
  return out;
}

void LocalCommands::run_hook(const CommandName& name, HookState state, std::string_view reason) {
  const auto it = commands_.find(name);
  if (it == commands_.end()) return;
  std::string words;
  for (const auto& word : it->second.spec.words) words += " " + in_quotes(word);
  log(LogLevel::info,
      name.service + ": would run" + words + " (" + to_string(state) + ", " + std::string(reason) + ")");
}

}  // namespace anyprobe
