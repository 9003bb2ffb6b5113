#include "runner_process.hpp"

#include <cerrno>
#include <utility>

#include "packet_socket.hpp"

namespace anyprobe {
namespace {

using Type = RunnerMessageType;

// What a prober has asked for and not heard of; more than any configuration comes to.
constexpr std::size_t kMostAsked = 100'000;

}  // namespace

RunnerProcess::RunnerProcess(EventLoop& loop, Descriptor keeper, Handlers handlers)
    : handlers_(std::move(handlers)),
      children_(loop),
      pool_(loop, children_, CommandTable().max_running),
      hooks_(loop, children_, CommandTable().max_running, [this] { check_finished_.schedule(); }),
      keeper_(std::move(keeper)),
      keeper_io_(loop, [this](int) { read_keeper(); }),
      prober_io_(loop,
                 [this](int events) {
                   if ((events & Io::kWrite) != 0) flush();
                   if ((events & Io::kRead) != 0) read_prober();
                 }),
      check_finished_(loop, [this] {
        if (!keeper_.valid() && hooks_.idle()) handlers_.finished();
      }) {
  keeper_io_.start(keeper_.get(), Io::kRead);
}

void RunnerProcess::read_keeper() {
  while (keeper_.valid()) {
    auto packet = receive_packet(keeper_.get(), kLargestRunnerMessage);
    if (packet.state == Packet::State::none) return;
    if (packet.state == Packet::State::closed) return keeper_gone();
    const auto message = decode_runner_message(packet.octets);
    if (!message) {
      log(LogLevel::error, "the keeper talks nonsense: " + message.error());
    } else if (message->type == Type::table) {
      take_table(message->generation, packet.descriptor.get());
    } else if (message->type == Type::in_force) {
      take_in_force(message->generation);
    } else if (message->type == Type::prober) {
      take_prober(std::move(packet.descriptor));
    }
  }
}

void RunnerProcess::take_table(std::uint32_t generation, int fd) {
  auto table = unpack_table(read_memory_file(fd));
  if (!table) return log(LogLevel::error, table.error());
  auto value = std::move(table).value();
  tables_[generation] = {prepare_commands(std::move(value.commands)), value.max_running, value.log};
}

void RunnerProcess::take_in_force(std::uint32_t generation) {
  std::erase_if(tables_, [&](const auto& table) { return table.first != generation; });
  const auto it = tables_.find(generation);
  if (it == tables_.end()) return;
  pool_.set_most(it->second.max_running);
  hooks_.set_most(it->second.max_running);
  handlers_.in_force(it->second.log);
}

// What was begun for a change of state is brought to its end, since nobody will begin it again.
void RunnerProcess::keeper_gone() {
  keeper_io_.stop();
  keeper_.reset();
  prober_gone();
  check_finished_.schedule();
}

void RunnerProcess::take_prober(Descriptor socket) {
  prober_gone();
  prober_ = std::move(socket);
  if (prober_.valid()) prober_io_.start(prober_.get(), Io::kRead);
}

void RunnerProcess::read_prober() {
  for (;;) {
    read_keeper();  // what it has said counts before what the prober says
    if (!prober_.valid()) return;
    const auto packet = receive_packet(prober_.get(), kLargestRunnerMessage);
    if (packet.state == Packet::State::none) return;
    if (packet.state == Packet::State::closed) return prober_gone();
    const auto message = decode_runner_message(packet.octets);
    if (message)
      take(*message);
    else
      log(LogLevel::error, "the prober talks nonsense to the runner: " + message.error());
  }
}

void RunnerProcess::prober_gone() {
  prober_io_.stop();
  prober_.reset();
  outbox_.clear();
  for (const auto& [id, ticket] : std::exchange(asked_, {})) pool_.cancel(ticket);
}

void RunnerProcess::take(const RunnerMessage& message) {
  switch (message.type) {
    case Type::run:
      return run(message);
    case Type::cancel:
      return cancel(message.id);
    case Type::hook:
      return run_hook(message);
    default:
      log(LogLevel::error, "the prober sends the runner what it may not");
  }
}

void RunnerProcess::run(const RunnerMessage& message) {
  const auto id = message.id;
  if (asked_.contains(id)) return log(LogLevel::error, "the prober asks for a command under a number in use");
  const auto* command = find(message, false);
  const auto refuse = [&](std::string why) {
    say(finished_message(id, {CommandResult::End::not_started, 0, std::move(why)}));
  };
  if (command == nullptr) return refuse("there is no such command");
  if (asked_.size() >= kMostAsked) return refuse("too many commands wait");
  if (!command->order) return refuse(command->order.error());
  asked_[id] = pool_.start(*command->order, command->spec.deadline,
                           {.queued =
                                [this, id](std::size_t running) {
                                  RunnerMessage told;
                                  told.type = Type::queued;
                                  told.id = id;
                                  told.number = static_cast<std::uint32_t>(running);
                                  say(told);
                                },
                            .started =
                                [this, id] {
                                  RunnerMessage told;
                                  told.type = Type::started;
                                  told.id = id;
                                  say(told);
                                },
                            .done =
                                [this, id](const CommandResult& result) {
                                  asked_.erase(id);
                                  say(finished_message(id, result));
                                }});
}

void RunnerProcess::cancel(std::uint32_t id) {
  const auto it = asked_.find(id);
  if (it == asked_.end()) return;  // it has ended in the meantime
  pool_.cancel(it->second);
  asked_.erase(it);
}

void RunnerProcess::run_hook(const RunnerMessage& message) {
  const auto* command = find(message, true);
  if (command == nullptr) return;
  if (!command->order) {
    log(LogLevel::error, command->spec.name.to_string() + ": not started: " + command->order.error());
    return;
  }
  hooks_.add(command->spec.name, *command->order, command->spec.deadline,
             static_cast<HookState>(message.detail), message.text);
}

const PreparedCommand* RunnerProcess::find(const RunnerMessage& message, bool hook) {
  // The keeper sends a table before the prober hears of its configuration, so it is there to be read.
  if (!tables_.contains(message.generation)) read_keeper();
  const auto table = tables_.find(message.generation);
  if (table != tables_.end() && message.number < table->second.commands.size()) {
    const auto& command = table->second.commands[message.number];
    if (command.spec.hook == hook) return &command;
  }
  log(LogLevel::error, "the prober asks for a command that is not configured");
  return nullptr;
}

void RunnerProcess::say(const RunnerMessage& message) {
  if (!prober_.valid()) return;
  outbox_.push_back(encode(message));
  flush();
}

void RunnerProcess::flush() {
  while (!outbox_.empty() && send_packet(prober_.get(), outbox_.front())) outbox_.pop_front();
  if (!outbox_.empty() && errno != EAGAIN && errno != EINTR) outbox_.clear();  // its end is read as such
  prober_io_.start(prober_.get(), outbox_.empty() ? Io::kRead : Io::kRead | Io::kWrite);
}

}  // namespace anyprobe
