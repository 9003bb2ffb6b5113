// Commands that run at the same time, up to a bound; the others wait in order.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "child.hpp"

namespace anyprobe {

class CommandPool {
 public:
  using Ticket = std::uint64_t;  // never 0

  // Called from a clean stack, in this order; either may cancel any ticket, or start another command.
  struct Events {
    std::function<void(std::size_t running)>
        queued;  // it waits, since so many run already; not always called
    std::function<void()> started;
    std::function<void(const CommandResult&)> done;  // once, unless it is cancelled before
  };

  // `children` outlives the pool. Commands that run when the pool goes are killed.
  CommandPool(EventLoop& loop, Children& children, std::size_t most);
  CommandPool(const CommandPool&) = delete;
  CommandPool& operator=(const CommandPool&) = delete;

  Ticket start(CommandOrder order, Duration deadline, Events events);
  // Its process is killed, and has its slot until it is gone: one that cannot be killed counts.
  void cancel(Ticket ticket);
  void set_most(std::size_t most);

  [[nodiscard]] bool idle() const { return waiting_.empty() && running_.empty(); }

 private:
  struct Waiting {
    Ticket ticket = 0;
    CommandOrder order;
    Duration deadline{};
    Events events;
    bool told = false;
  };
  struct Running {
    Running(EventLoop& loop, Children& children, Child::Done ended, std::function<void()> overdue)
        : child(loop, children, std::move(ended)), deadline(loop, std::move(overdue)) {}
    Child child;
    Timer deadline;
    std::function<void(const CommandResult&)> done;  // empty: nobody waits for it any more
  };

  void pump();
  void run(Waiting next);
  void overdue(Ticket ticket);
  void ended(Ticket ticket, const CommandResult& result);

  EventLoop& loop_;
  Children& children_;
  std::size_t most_;
  Ticket last_ = 0;
  std::deque<Waiting> waiting_;
  std::map<Ticket, std::unique_ptr<Running>> running_;
  Deferred pump_;
};

}  // namespace anyprobe
