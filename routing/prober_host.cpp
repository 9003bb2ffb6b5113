#include "prober_host.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/log.hpp"
#include "core/packet_socket.hpp"

namespace anyprobe {
namespace {

constexpr Duration kHangUpPatience = std::chrono::seconds(1);
constexpr int kAtOnce = 64;

}  // namespace

ProberHost::ProberHost(EventLoop& loop, Hooks hooks)
    : hooks_(std::move(hooks)),
      io_(loop, [this](int) { receive(); }),
      respawn_(loop, [this] { start(); }),
      kill_(loop, [this] { signal(SIGKILL); }),
      watch_(loop, [this] { beat(); }) {}

ProberHost::~ProberHost() {
  io_.stop();
  if (socket_ >= 0) close(socket_);
}

void ProberHost::start() {
  if (running()) return;
  respawn_.stop();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    log(LogLevel::error, std::string("no socket for the prober: ") + std::strerror(errno));
    return hooks_.not_started();
  }
  spawned_ = Clock::now();
  pid_ = hooks_.spawn(ends[1]);
  close(ends[1]);
  socket_ = ends[0];
  if (pid_ < 0) {
    log(LogLevel::error, std::string("the prober cannot be started: ") + std::strerror(errno));
    close(std::exchange(socket_, -1));
    return hooks_.not_started();
  }
  io_.start(socket_, Io::kRead);
  hooks_.started();
}

void ProberHost::start_again() {
  respawn_.start(delay_.next(spawned_));
}

void ProberHost::start_later() {
  respawn_.start(RespawnDelay::kLongest);
}

bool ProberHost::send(const Message& message, int descriptor) {
  return socket_ >= 0 && send_packet(socket_, encode(message), descriptor);
}

void ProberHost::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

void ProberHost::expect_end(Duration patience) {
  if (running()) kill_.start(patience);
}

// All that waits, or nearly: others have their turn too.
void ProberHost::receive() {
  for (int i = 0; i < kAtOnce && receive_one(); ++i) {
  }
}

bool ProberHost::receive_one() {
  std::string packet(kLargestMessage, '\0');
  const auto got = recv(socket_, packet.data(), packet.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got <= 0) {
    io_.stop();
    expect_end(kHangUpPatience);  // SIGCHLD tells the rest, if it has not only hung up
    return false;
  }
  silent_ = 0;
  packet.resize(static_cast<std::size_t>(got));
  const auto message = decode(packet);
  if (message)
    hooks_.heard(*message);
  else
    log(LogLevel::error, "the prober talks nonsense: " + message.error());
  return socket_ >= 0;
}

void ProberHost::watch(Duration beat) {
  silent_ = 0;
  if (beat == std::exchange(beat_, beat)) return;
  if (beat_ == Duration::zero())
    watch_.stop();
  else
    watch_.start(beat_);
}

void ProberHost::beat() {
  watch_.start(beat_);
  // What waits to be read was said in time, whenever we come to read it.
  pollfd ready{socket_, POLLIN, 0};
  if (!running() || poll(&ready, 1, 0) > 0) return;
  if (++silent_ < kSilentBeats) return;
  const auto silence = std::chrono::duration_cast<std::chrono::milliseconds>(beat_ * kSilentBeats);
  log(LogLevel::error, "the prober hangs: nothing heard of it for " + std::to_string(silence.count()) +
                           " ms; it is killed, and another takes its place");
  silent_ = 0;
  signal(SIGKILL);
}

bool ProberHost::reap(pid_t child, int status) {
  if (!running() || child != pid_) return false;
  pid_ = -1;
  kill_.stop();
  watch(Duration::zero());
  // What it said last counts: it may have been its refusal.
  while (receive_one()) {
  }
  io_.stop();
  close(std::exchange(socket_, -1));
  hooks_.gone(status);
  return true;
}

}  // namespace anyprobe
