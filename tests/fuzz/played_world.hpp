// The processes and the monotonic clock of a fuzz target that costs no time: in the place of the C library's
// kill(), waitpid() and clock_gettime(). For the one source of a program, since it defines them.
#pragma once

#include <ev.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <deque>
#include <map>
#include <utility>

namespace anyprobe {

class PlayedWorld;
inline PlayedWorld* played_world = nullptr;

// While there is one, children are those that it starts, and its clock is the only one that is monotonic.
class PlayedWorld {
 public:
  PlayedWorld() { played_world = this; }
  ~PlayedWorld() { played_world = nullptr; }
  PlayedWorld(const PlayedWorld&) = delete;
  PlayedWorld& operator=(const PlayedWorld&) = delete;

  void use(struct ev_loop* loop) { loop_ = loop; }

  pid_t start() {
    alive_[++last_] = true;
    return last_;
  }
  [[nodiscard]] bool alive(pid_t pid) const {
    const auto it = alive_.find(pid);
    return it != alive_.end() && it->second;
  }
  // `status` as wait() gives it.
  void die(pid_t pid, int status) {
    if (!alive(pid)) return;
    alive_[pid] = false;
    zombies_.emplace_back(pid, status);
    ev_feed_signal_event(loop_, SIGCHLD);
  }
  void signal(pid_t pid, int number) {
    if (number == SIGKILL) die(pid, SIGKILL);
    if ((number == SIGTERM || number == SIGUSR2) && !stubborn) die(pid, 0);
  }
  pid_t wait(int* status) {
    if (zombies_.empty()) return 0;
    const auto [pid, how] = zombies_.front();
    zombies_.pop_front();
    *status = how;
    return pid;
  }

  void pass(std::int64_t nanoseconds) { now_ += nanoseconds; }
  timespec now() {
    now_ += 1000;  // libev fires no timer while its clock stands still
    return {now_ / kSecond, now_ % kSecond};
  }

  bool stubborn = false;                       // children heed no TERM
  static constexpr pid_t kFirstPid = 1 << 23;  // beyond any that a process can have

 private:
  static constexpr std::int64_t kSecond = 1'000'000'000;

  struct ev_loop* loop_ = nullptr;
  std::int64_t now_ = 1000 * kSecond;
  pid_t last_ = kFirstPid;
  std::map<pid_t, bool> alive_;
  std::deque<std::pair<pid_t, int>> zombies_;
};

}  // namespace anyprobe

extern "C" int kill(pid_t pid, int number) noexcept {
  if (pid < anyprobe::PlayedWorld::kFirstPid) return static_cast<int>(syscall(SYS_kill, pid, number));
  anyprobe::played_world->signal(pid, number);
  return 0;
}

extern "C" pid_t waitpid(pid_t pid, int* status, int options) {
  if (anyprobe::played_world != nullptr) return anyprobe::played_world->wait(status);
  return static_cast<pid_t>(syscall(SYS_wait4, pid, status, options, nullptr));
}

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (anyprobe::played_world == nullptr || clock != CLOCK_MONOTONIC)
    return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  *time = anyprobe::played_world->now();
  return 0;
}
