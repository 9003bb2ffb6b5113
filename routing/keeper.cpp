#include "keeper.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/exit_codes.hpp"
#include "core/log.hpp"

namespace anyprobe {
namespace {

constexpr Duration kFirstRespawn = std::chrono::milliseconds(100);
constexpr Duration kLongestRespawn = std::chrono::seconds(30);
constexpr Duration kStableAfter = std::chrono::seconds(60);
constexpr Duration kHangUpPatience = std::chrono::seconds(1);
// Longer than the prober waits for its own withdrawal.
constexpr Duration kTermPatience = std::chrono::seconds(8);

int memory_file(const std::string& bytes) {
  const int fd = memfd_create("anyprobe-configuration", MFD_CLOEXEC);
  if (fd < 0) return -1;
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto put = write(fd, bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      close(fd);
      return -1;
    }
    done += static_cast<std::size_t>(put);
  }
  return fd;
}

bool send_packet(int socket, const std::string& packet, int descriptor) {
  iovec part{const_cast<char*>(packet.data()), packet.size()};  // sendmsg only reads it
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (descriptor >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    auto* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(c), &descriptor, sizeof descriptor);
  }
  // A prober that reads nothing (stopped) must not stop the keeper.
  return sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = sigabbrev_np(WTERMSIG(status));
    return name == nullptr ? "killed by signal " + std::to_string(WTERMSIG(status))
                           : std::string("killed by SIG") + name;
  }
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Keeper::Keeper(EventLoop& loop, Reconciler& reconciler, bool adopt, Hooks hooks)
    : loop_(loop),
      reconciler_(reconciler),
      adopt_(adopt),
      hooks_(std::move(hooks)),
      respawn_delay_(kFirstRespawn),
      io_(loop, [this](int) { receive(); }),
      child_(loop, SIGCHLD, [this] { reap(); }),
      term_(loop, SIGTERM, [this] { terminate(); }),
      hup_(loop, SIGHUP, [this] { reload(); }),
      respawn_(loop, [this] { spawn(); }),
      kill_(loop, [this] {
        if (prober_ > 0) kill(prober_, SIGKILL);
      }) {}

Keeper::~Keeper() {
  io_.stop();
  if (socket_ >= 0) close(socket_);
}

int Keeper::run() {
  // The prober answers for the terminal's keys; TSTP is for it alone.
  std::signal(SIGTSTP, SIG_IGN);
  std::signal(SIGINT, SIG_IGN);
  std::string wrong;
  if (!load(offered_, wrong)) {
    hooks_.fail(wrong);
    return kConfiguration;
  }
  spawn();
  loop_.run();
  return code_;
}

bool Keeper::load(Configuration& into, std::string& wrong) {
  auto files = hooks_.read();
  if (!files) {
    wrong = files.error();
    return false;
  }
  into.files = std::move(files).value();
  // What the keeper does not understand the prober refuses, and it tells all that is wrong.
  auto view = hooks_.understand(into.files);
  into.view = view ? std::move(view).value() : View{};
  into.generation = ++generations_;
  return true;
}

void Keeper::spawn() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    log(LogLevel::error, std::string("no socket for the prober: ") + std::strerror(errno));
    respawn_.start(kLongestRespawn);
    return;
  }
  const auto& configuration = current_.generation == 0 ? offered_ : current_;
  prober_ = hooks_.spawn(ends[1], configuration.view.user);
  close(ends[1]);
  socket_ = ends[0];
  accepted_ = false;
  serial_ = told_ = 0;
  spawned_ = Clock::now();
  if (prober_ < 0) {
    close(std::exchange(socket_, -1));
    log(LogLevel::error, std::string("the prober cannot be started: ") + std::strerror(errno));
    if (current_.generation == 0) return leave(kSystem);
    respawn_.start(kLongestRespawn);
    return;
  }
  io_.start(socket_, Io::kRead);
  if (!offer(configuration)) kill(prober_, SIGKILL);
}

bool Keeper::offer(const Configuration& configuration) {
  const int fd = memory_file(pack_files(configuration.files));
  const bool sent =
      fd >= 0 &&
      send_packet(socket_, encode({MessageType::configuration, configuration.generation, 0, {}}), fd);
  if (fd >= 0) close(fd);
  if (!sent)
    log(LogLevel::error, std::string("the configuration cannot be handed over: ") + std::strerror(errno));
  return sent;
}

void Keeper::receive() {
  std::string packet(kLargestMessage, '\0');
  const auto got = recv(socket_, packet.data(), packet.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    io_.stop();
    kill_.start(kHangUpPatience);  // SIGCHLD tells the rest, if it has not only hung up
    return;
  }
  packet.resize(static_cast<std::size_t>(got));
  const auto message = decode(packet);
  if (message)
    take(*message);
  else
    log(LogLevel::error, "the prober talks nonsense: " + message.error());
}

void Keeper::take(const Message& message) {
  switch (message.type) {
    case MessageType::accept:
      return accept(message);
    case MessageType::refuse:
      return refuse(message);
    case MessageType::want:
      return want(message);
    case MessageType::reload:
      return reload();
    case MessageType::configuration:
    case MessageType::applied:
      break;
  }
  log(LogLevel::error, "the prober sends what only the keeper may");
}

void Keeper::accept(const Message& message) {
  if (message.generation == 0) return;  // stands for none on both sides of the comparisons below
  const bool again = message.generation == current_.generation;  // of a prober that was started anew
  if (!again && message.generation != offered_.generation) return;
  const auto& view = again ? current_.view : offered_.view;
  const auto flags = unpack_flags(message.body, view.advertisements.size());
  if (!flags) {
    log(LogLevel::error, "the prober accepts a configuration with " + flags.error());
    if (current_.generation != 0) return;
    hooks_.fail("keeper and prober do not read the configuration alike");
    return leave(kInternal);
  }
  if (!again) {
    const bool first = current_.generation == 0;
    current_ = std::exchange(offered_, {});
    hooks_.accepted(current_.view);
    reconciler_.configure(current_.view.advertisements);
    if (first && refuse_foreign()) return;
  }
  if (!accepted_) hooks_.running(prober_);
  accepted_ = true;
  serial_ = message.serial;
  reconciler_.want(*flags);
  tell_applied();
  if (std::exchange(reload_again_, false)) reload();
}

void Keeper::refuse(const Message& message) {
  const bool in_force = message.generation == current_.generation;
  if (message.generation == 0 || (!in_force && message.generation != offered_.generation)) return;
  const auto refusal = unpack_refusal(message.body);
  if (current_.generation == 0) {
    for (const auto& line : refusal.lines) hooks_.fail(line);
    return leave(refusal.flags_alone ? kUsage : kConfiguration);
  }
  for (const auto& line : refusal.lines) log(LogLevel::error, line);
  if (in_force) {
    // A prober that was started anew, and something that it needs has gone since: the next may find it again.
    kill(prober_, SIGKILL);
    return;
  }
  log(LogLevel::error, "the configuration is refused, the old one is kept");
  offered_ = {};
  if (std::exchange(reload_again_, false)) reload();
}

void Keeper::want(const Message& message) {
  if (message.generation != current_.generation || current_.generation == 0) return;
  const auto flags = unpack_flags(message.body, current_.view.advertisements.size());
  if (!flags) {
    log(LogLevel::error, "the prober wants " + flags.error());
    return;
  }
  serial_ = message.serial;
  reconciler_.want(*flags);
  tell_applied();
}

// The prober waits for this before it stops or leaves, so it is not said before it is true.
void Keeper::tell_applied() {
  if (!accepted_ || told_ == serial_ || !reconciler_.settled()) return;
  if (send_packet(socket_, encode({MessageType::applied, current_.generation, serial_, {}}), -1))
    told_ = serial_;
}

bool Keeper::refuse_foreign() {
  if (adopt_) return false;
  const auto foreign = reconciler_.foreign();
  for (const auto& what : foreign) {
    hooks_.fail(what + " is there already and lacks our mark (--adopt takes it over)");
  }
  if (foreign.empty()) return false;
  leave(kConfiguration);
  return true;
}

void Keeper::reload() {
  if (leaving_ || current_.generation == 0) return;
  if (offered_.generation != 0 || prober_ <= 0) {
    reload_again_ = true;
    return;
  }
  std::string wrong;
  if (!load(offered_, wrong)) {
    offered_ = {};
    log(LogLevel::error, wrong);
    log(LogLevel::error, "the configuration is refused, the old one is kept");
    return;
  }
  if (!offer(offered_)) offered_ = {};
}

void Keeper::reap() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid == prober_) prober_gone(status);
  }
}

void Keeper::prober_gone(int status) {
  // What it said last counts: it may have been its refusal.
  for (pollfd ready{socket_, POLLIN, 0};
       !leaving_ && poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN) != 0;) {
    char first = 0;
    if (recv(socket_, &first, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) break;
    receive();
  }
  io_.stop();
  close(std::exchange(socket_, -1));
  prober_ = -1;
  kill_.stop();
  const bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (leaving_ || (well && accepted_)) return leave(code_);
  if (current_.generation == 0) {
    hooks_.fail("the prober does not start: " + how_it_ended(status));
    return leave(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : kInternal);
  }
  log(LogLevel::error,
      "the prober is gone (" + how_it_ended(status) + "): withdrawing everything, starting another");
  withdraw_all();
  offered_ = {};
  if (Clock::now() - spawned_ > kStableAfter) respawn_delay_ = kFirstRespawn;
  respawn_.start(respawn_delay_);
  respawn_delay_ = std::min(respawn_delay_ * 2, kLongestRespawn);
}

void Keeper::terminate() {
  if (leaving_) return;
  leaving_ = true;
  if (prober_ <= 0) return leave(code_);
  kill(prober_, SIGTERM);
  kill(prober_, SIGCONT);  // one that is suspended would not hear it
  kill_.start(kTermPatience);
}

bool Keeper::withdraw_all() {
  return reconciler_.want(std::vector<bool>(current_.view.advertisements.size(), false));
}

void Keeper::leave(int code) {
  leaving_ = true;
  code_ = code;
  if (prober_ > 0) kill(prober_, SIGKILL);
  respawn_.stop();
  if (current_.generation != 0 && code == 0) {
    bool done = withdraw_all();
    for (int tries = 0; !done && tries < 20; ++tries) {
      poll(nullptr, 0, 100);
      done = reconciler_.compare();
    }
    if (!done) {
      log(LogLevel::error, "not everything could be withdrawn");
      code_ = kSystem;
    }
  }
  loop_.stop();
}

}  // namespace anyprobe
