// The keeper's side of one prober: starts it, hears it, notices when it is gone or hangs, and starts another.
// What it says is its owner's to believe.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "core/event_loop.hpp"
#include "core/own_process.hpp"
#include "keeper_message.hpp"

namespace anyprobe {

class ProberHost {
 public:
  struct Hooks {
    // Starts a prober that has `socket` as its end; returns its pid, or -1. The socket stays the host's.
    std::function<pid_t(int socket)> spawn;
    std::function<void()> started;  // another one is there, and knows nothing yet
    std::function<void(const Message&)> heard;
    std::function<void(int status)> gone;  // with what wait() gives; it is not started again by itself
    std::function<void()> not_started;     // nor is it then
  };

  ProberHost(EventLoop& loop, Hooks hooks);
  ~ProberHost();
  ProberHost(const ProberHost&) = delete;
  ProberHost& operator=(const ProberHost&) = delete;

  void start();
  void start_again();  // at once, or after a delay where they die young
  void start_later();  // after the longest delay
  void stop_starting() { respawn_.stop(); }
  // Whether it was sent. One that reads nothing (being stopped) does not stop the caller.
  bool send(const Message& message, int descriptor = -1);
  void signal(int number) const;
  // Killed if it is still there after `patience`.
  void expect_end(Duration patience);

  [[nodiscard]] bool running() const { return pid_ > 0; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Whether that child was it.
  bool reap(pid_t child, int status);

  // It says something each `beat` at most, and is taken for hung, and killed, when it has been silent for
  // some of them. zero: it may be silent.
  void watch(Duration beat);

 private:
  // As many beats in a row; so a machine, or a keeper, that stood still counts for one.
  static constexpr int kSilentBeats = 4;

  void receive();
  bool receive_one();  // whether there was something, and there may be more
  void beat();

  Hooks hooks_;
  int socket_ = -1;
  pid_t pid_ = -1;
  TimePoint spawned_{};
  RespawnDelay delay_;
  Duration beat_{};
  int silent_ = 0;
  Io io_;
  Timer respawn_;
  Timer kill_;
  Timer watch_;
};

}  // namespace anyprobe
