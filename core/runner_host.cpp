#include "runner_host.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "log.hpp"
#include "packet_socket.hpp"

namespace anyprobe {
namespace {

// Beyond the longest hook, for the runner itself.
constexpr Duration kPatience = std::chrono::seconds(2);

}  // namespace

RunnerHost::RunnerHost(EventLoop& loop, Spawn spawn)
    : spawn_(std::move(spawn)),
      respawn_(loop, [this] { this->spawn(); }),
      patience_(loop, [this] { hurry(); }) {}

void RunnerHost::offer(std::uint32_t generation, const CommandTable& table) {
  Table made{pack_table(table), table.commands.empty(), {}};
  for (const auto& command : table.commands) {
    if (command.hook) made.longest_hook = std::max<Duration>(made.longest_hook, command.deadline);
  }
  const auto& kept = tables_[generation] = std::move(made);
  if (socket_.valid()) return tell_table(generation, kept);
  if (!kept.empty && runner_ <= 0 && !respawn_.active()) spawn();
}

void RunnerHost::accept(std::uint32_t generation) {
  std::erase_if(tables_, [&](const auto& table) { return table.first != generation; });
  in_force_ = generation;
  const auto it = tables_.find(generation);
  if (it == tables_.end() || it->second.empty) {
    respawn_.stop();
    return hang_up();
  }
  tell(RunnerMessageType::in_force, generation);
}

void RunnerHost::join() {
  if (!socket_.valid()) return;
  auto pair = make_socket_pair();
  if (!pair.one.valid())
    return log(LogLevel::error, std::string("no socket for the runner: ") + std::strerror(errno));
  tell(RunnerMessageType::prober, 0, pair.one.get());
  to_prober_(pair.other.get());
}

void RunnerHost::spawn() {
  if (finished_) return;
  auto pair = make_socket_pair();
  runner_ = pair.one.valid() ? spawn_(pair.other.get()) : -1;
  if (runner_ < 0) {
    log(LogLevel::error, std::string("the runner cannot be started: ") + std::strerror(errno));
    return respawn_.start(RespawnDelay::kLongest);
  }
  spawned_ = Clock::now();
  socket_ = std::move(pair.one);
  // The one in force first, since to say that it is drops the others.
  if (const auto it = tables_.find(in_force_); it != tables_.end()) {
    tell_table(in_force_, it->second);
    tell(RunnerMessageType::in_force, in_force_);
  }
  for (const auto& [generation, table] : tables_) {
    if (generation != in_force_) tell_table(generation, table);
  }
  join();
}

void RunnerHost::tell_table(std::uint32_t generation, const Table& table) {
  const auto file = memory_file("anyprobe-commands", table.packed);
  tell(RunnerMessageType::table, generation, file.get());
}

void RunnerHost::tell(RunnerMessageType type, std::uint32_t generation, int descriptor) {
  if (!socket_.valid()) return;
  RunnerMessage message;
  message.type = type;
  message.generation = generation;
  if (send_packet(socket_.get(), encode(message), descriptor)) return;
  log(LogLevel::error, std::string("the runner takes nothing: ") + std::strerror(errno));
  hurry();
}

void RunnerHost::hang_up() {
  socket_.reset();
}

bool RunnerHost::reap(pid_t child, int status) {
  if (runner_ <= 0 || child != runner_) return false;
  runner_ = -1;
  patience_.stop();
  const bool wanted = socket_.valid();
  hang_up();
  if (finished_) {
    const auto done = std::exchange(finished_, nullptr);
    done();
    return true;
  }
  const bool needed =
      std::any_of(tables_.begin(), tables_.end(), [](const auto& table) { return !table.second.empty; });
  if (wanted) log(LogLevel::error, "the runner is gone (" + how_it_ended(status) + "): starting another");
  if (needed) respawn_.start(wanted ? delay_.next(spawned_) : Duration{});
  return true;
}

void RunnerHost::finish(std::function<void()> done) {
  respawn_.stop();
  hang_up();
  if (runner_ <= 0) return done();
  finished_ = std::move(done);
  Duration longest{};
  for (const auto& [generation, table] : tables_) longest = std::max(longest, table.longest_hook);
  patience_.start(longest + kPatience);
}

void RunnerHost::hurry() {
  if (runner_ > 0) kill(runner_, SIGKILL);
}

}  // namespace anyprobe
