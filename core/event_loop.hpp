// RAII over libev. Watchers stand still in memory (neither copied nor moved) and stop when destroyed.
// A class that owns a descriptor and a watcher on it declares the descriptor first, so that the watcher goes
// first.
#pragma once

#include <ev.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <typeindex>

namespace anyprobe {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Returns after stop(). What a callback throws ends the run and is thrown from here, never through libev.
  void run();
  void stop();

  struct ev_loop* raw() {
    return loop_;
  }
  // The one T of this loop, made from it when it is first asked for: what those who use the loop share. It
  // goes before the loop does.
  template <typename T>
  T& shared() {
    auto& kept = shared_[std::type_index(typeid(T))];
    if (!kept) kept = std::make_shared<T>(*this);
    return *static_cast<T*>(kept.get());
  }
  void keep_exception() noexcept;  // for the watchers of this file: call inside a catch

 private:
  struct ev_loop* loop_;
  ev_prepare invoke_pending_;
  std::exception_ptr thrown_;
  std::map<std::type_index, std::shared_ptr<void>> shared_;
};

// Readiness of a descriptor, which stays the caller's.
class Io {
 public:
  static constexpr int kRead = EV_READ;
  static constexpr int kWrite = EV_WRITE;

  Io(EventLoop& loop, std::function<void(int events)> callback);
  ~Io();
  Io(const Io&) = delete;
  Io& operator=(const Io&) = delete;

  void start(int fd, int events);  // again with other arguments: replaces them
  void stop();                     // before the descriptor is closed
  [[nodiscard]] int events() const { return active_ ? watcher_.events & (kRead | kWrite) : 0; }

 private:
  EventLoop& loop_;
  std::function<void(int)> callback_;
  ev_io watcher_;
  bool active_ = false;
};

// Fires once.
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> callback);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start(Duration after);  // measured from now, not from the start of the loop's pass; again: restarts
  void start_at(TimePoint when);
  void stop();
  [[nodiscard]] bool active() const { return ev_is_active(&watcher_) != 0; }

 private:
  EventLoop& loop_;
  std::function<void()> callback_;
  ev_timer watcher_;
};

class Signal {
 public:
  Signal(EventLoop& loop, int number, std::function<void()> callback);
  ~Signal();
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

 private:
  EventLoop& loop_;
  std::function<void()> callback_;
  ev_signal watcher_;
};

// Calls back from a clean stack, in the same pass of the loop; asked again before that, it still calls once.
class Deferred {
 public:
  // Before what else is pending, or behind all of that: what is to be done once for all that happened.
  enum class Turn : std::uint8_t { next, last };

  Deferred(EventLoop& loop, std::function<void()> callback, Turn turn = Turn::next);
  ~Deferred();
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  void schedule() noexcept;
  void cancel() noexcept;

 private:
  EventLoop& loop_;
  std::function<void()> callback_;
  ev_timer watcher_;  // never started, only fed
};

}  // namespace anyprobe
