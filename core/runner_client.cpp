#include "runner_client.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include "packet_socket.hpp"

namespace anyprobe {
namespace {

using Type = RunnerMessageType;

}  // namespace

class RunnerClient::Asked final : public RunningCommand {
 public:
  Asked(RunnerClient& client, std::uint32_t id, Done done)
      : client_(client), id_(id), done_(std::move(done)) {
    client_.asked_[id_] = this;
  }
  ~Asked() override {
    if (client_.asked_.erase(id_) == 0) return;  // it has ended
    RunnerMessage message;
    message.type = Type::cancel;
    message.id = id_;
    client_.send(message);  // or it is killed at the runner's own deadline
  }

  [[nodiscard]] bool started() const override { return started_; }
  [[nodiscard]] std::string waits_for() const override {
    return running_ == 0 ? "the runner has not answered" : too_many_run(running_);
  }

  void take_queued(std::size_t running) { running_ = running; }
  void take_started() { started_ = true; }
  void end(const CommandResult& result) {
    const auto done = std::move(done_);
    done(result);  // this may be gone now
  }

 private:
  RunnerClient& client_;
  const std::uint32_t id_;
  Done done_;
  std::size_t running_ = 0;
  bool started_ = false;
};

RunnerClient::RunnerClient(EventLoop& loop) : loop_(loop), io_(loop, [this](int) { receive(); }) {}

RunnerClient::~RunnerClient() {
  io_.stop();
}

void RunnerClient::connect(Descriptor socket) {
  gone();
  socket_ = std::move(socket);
  if (socket_.valid()) io_.start(socket_.get(), Io::kRead);
}

void RunnerClient::use(CommandTable table) {
  generation_ = expected_;
  numbers_.clear();
  std::uint32_t number = 0;
  for (auto& command : table.commands) numbers_.emplace(std::move(command.name), number++);
}

std::unique_ptr<RunningCommand> RunnerClient::start(const CommandName& name, Done done) {
  const auto it = numbers_.find(name);
  if (it == numbers_.end()) return impossible_command(loop_, "there is no such command", std::move(done));
  if (!socket_.valid()) return impossible_command(loop_, "there is no runner now", std::move(done));
  RunnerMessage message;
  message.type = Type::run;
  message.generation = generation_;
  message.id = ++last_id_;
  message.number = it->second;
  if (!send(message)) {
    return impossible_command(loop_, std::string("the runner takes nothing: ") + std::strerror(errno),
                              std::move(done));
  }
  return std::make_unique<Asked>(*this, message.id, std::move(done));
}

void RunnerClient::run_hook(const CommandName& name, HookState state, std::string_view reason) {
  const auto it = numbers_.find(name);
  if (it == numbers_.end()) return;
  RunnerMessage message;
  message.type = Type::hook;
  message.detail = static_cast<std::uint8_t>(state);
  message.generation = generation_;
  message.number = it->second;
  message.text = as_slug(reason);
  if (!socket_.valid() || !send(message))
    log(LogLevel::error, name.to_string() + ": not run, the runner cannot be reached");
}

bool RunnerClient::send(const RunnerMessage& message) {
  return socket_.valid() && send_packet(socket_.get(), encode(message));
}

void RunnerClient::receive() {
  const auto packet = receive_packet(socket_.get(), kLargestRunnerMessage);
  if (packet.state == Packet::State::none) return;
  if (packet.state == Packet::State::closed) return gone();
  if (const auto message = decode_runner_message(packet.octets)) take(*message);
}

void RunnerClient::gone() {
  io_.stop();
  socket_.reset();
  while (!asked_.empty())
    end(asked_.begin()->first, {CommandResult::End::not_started, 0, "the runner is gone"});
}

void RunnerClient::take(const RunnerMessage& message) {
  const auto it = asked_.find(message.id);
  if (it == asked_.end()) return;  // not wanted any more
  if (message.type == Type::queued) it->second->take_queued(message.number);
  if (message.type == Type::started) it->second->take_started();
  if (message.type == Type::finished) end(message.id, result_of(message));
}

void RunnerClient::end(std::uint32_t id, const CommandResult& result) {
  const auto it = asked_.find(id);
  auto* asked = it->second;
  asked_.erase(it);
  asked->end(result);
}

}  // namespace anyprobe
