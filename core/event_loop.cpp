#include "event_loop.hpp"

#include <stdexcept>
#include <utility>

namespace anyprobe {
namespace {

// libev is C: nothing may be thrown through it, so this is the last catch of every callback.
template <typename F>
void guarded(EventLoop& loop, F&& call) noexcept {
  try {
    call();
  } catch (...) {
    loop.keep_exception();
  }
}

}  // namespace

EventLoop::EventLoop() : loop_(ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV)) {
  if (loop_ == nullptr) throw std::runtime_error("no event loop to be had (epoll)");
  // With a prepare watcher, libev calls what was fed from outside a callback before it sleeps.
  ev_prepare_init(&invoke_pending_, [](struct ev_loop*, ev_prepare*, int) {});
  ev_prepare_start(loop_, &invoke_pending_);
  ev_unref(loop_);
}

EventLoop::~EventLoop() {
  shared_.clear();
  ev_ref(loop_);
  ev_prepare_stop(loop_, &invoke_pending_);
  ev_loop_destroy(loop_);
}

void EventLoop::run() {
  ev_ref(loop_);  // with nothing to watch it waits for stop() all the same
  ev_run(loop_, 0);
  ev_unref(loop_);
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void EventLoop::stop() {
  ev_break(loop_, EVBREAK_ALL);
}

void EventLoop::keep_exception() noexcept {
  if (!thrown_) thrown_ = std::current_exception();
  stop();
}

Io::Io(EventLoop& loop, std::function<void(int)> callback) : loop_(loop), callback_(std::move(callback)) {
  ev_init(&watcher_, [](struct ev_loop*, ev_io* w, int events) {
    auto* self = static_cast<Io*>(w->data);
    // The object may be gone once the callback returns.
    guarded(self->loop_, [&] { self->callback_(events); });
  });
  watcher_.data = this;
}

Io::~Io() {
  stop();
}

void Io::start(int fd, int events) {
  if (active_ && watcher_.fd == fd && this->events() == events) return;
  stop();
  ev_io_set(&watcher_, fd, events);
  ev_io_start(loop_.raw(), &watcher_);
  active_ = true;
}

void Io::stop() {
  if (!active_) return;
  ev_io_stop(loop_.raw(), &watcher_);
  active_ = false;
}

Timer::Timer(EventLoop& loop, std::function<void()> callback) : loop_(loop), callback_(std::move(callback)) {
  ev_init(&watcher_, [](struct ev_loop*, ev_timer* w, int) {
    auto* self = static_cast<Timer*>(w->data);
    guarded(self->loop_, [&] { self->callback_(); });
  });
  watcher_.data = this;
}

Timer::~Timer() {
  stop();
}

void Timer::start(Duration after) {
  stop();
  ev_now_update(loop_.raw());
  const double seconds = std::chrono::duration<double>(after).count();
  ev_timer_set(&watcher_, seconds > 0 ? seconds : 0., 0.);
  ev_timer_start(loop_.raw(), &watcher_);
}

void Timer::start_at(TimePoint when) {
  start(when - Clock::now());
}

void Timer::stop() {
  ev_timer_stop(loop_.raw(), &watcher_);
}

Signal::Signal(EventLoop& loop, int number, std::function<void()> callback)
    : loop_(loop), callback_(std::move(callback)) {
  ev_signal_init(
      &watcher_,
      [](struct ev_loop*, ev_signal* w, int) {
        auto* self = static_cast<Signal*>(w->data);
        guarded(self->loop_, [&] { self->callback_(); });
      },
      number);
  watcher_.data = this;
  ev_signal_start(loop_.raw(), &watcher_);
}

Signal::~Signal() {
  ev_signal_stop(loop_.raw(), &watcher_);
}

Deferred::Deferred(EventLoop& loop, std::function<void()> callback, Turn turn)
    : loop_(loop), callback_(std::move(callback)) {
  ev_init(&watcher_, [](struct ev_loop*, ev_timer* w, int) {
    auto* self = static_cast<Deferred*>(w->data);
    guarded(self->loop_, [&] { self->callback_(); });
  });
  // libev calls what was fed last first, of those of one priority.
  ev_set_priority(&watcher_, turn == Turn::last ? EV_MINPRI : 0);
  watcher_.data = this;
}

Deferred::~Deferred() {
  cancel();
}

void Deferred::schedule() noexcept {
  // Feeding costs no system call, which a pipe or a timer of zero seconds would.
  ev_feed_event(loop_.raw(), &watcher_, EV_CUSTOM);
}

void Deferred::cancel() noexcept {
  ev_clear_pending(loop_.raw(), &watcher_);
}

}  // namespace anyprobe
