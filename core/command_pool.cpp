#include "command_pool.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {

CommandPool::CommandPool(EventLoop& loop, Children& children, std::size_t most)
    : loop_(loop), children_(children), most_(most), pump_(loop, [this] { pump(); }) {}

CommandPool::Ticket CommandPool::start(CommandOrder order, Duration deadline, Events events) {
  waiting_.push_back({++last_, std::move(order), deadline, std::move(events), false});
  pump_.schedule();
  return last_;
}

void CommandPool::cancel(Ticket ticket) {
  if (const auto it = running_.find(ticket); it != running_.end()) {
    it->second->done = nullptr;
    it->second->deadline.stop();
    it->second->child.kill();
    return;
  }
  std::erase_if(waiting_, [&](const Waiting& one) { return one.ticket == ticket; });
}

void CommandPool::set_most(std::size_t most) {
  most_ = most;
  pump_.schedule();
}

void CommandPool::pump() {
  while (running_.size() < most_ && !waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    run(std::move(next));
  }
  // Whoever is told may change the queue.
  for (;;) {
    const auto it =
        std::find_if(waiting_.begin(), waiting_.end(), [](const Waiting& one) { return !one.told; });
    if (it == waiting_.end()) return;
    it->told = true;
    const auto tell = it->events.queued;
    if (tell) tell(running_.size());
  }
}

void CommandPool::run(Waiting next) {
  const auto ticket = next.ticket;
  auto running = std::make_unique<Running>(
      loop_, children_, [this, ticket](const CommandResult& result) { ended(ticket, result); },
      [this, ticket] { overdue(ticket); });
  if (auto wrong = running->child.start(next.order); !wrong.empty()) {
    next.events.done({CommandResult::End::not_started, 0, std::move(wrong)});
    return;
  }
  running->done = std::move(next.events.done);
  running->deadline.start(next.deadline);
  running_.emplace(ticket, std::move(running));
  if (next.events.started) next.events.started();
}

void CommandPool::overdue(Ticket ticket) {
  auto& running = *running_.at(ticket);
  running.child.kill();
  const auto done = std::exchange(running.done, nullptr);
  if (done) done({CommandResult::End::overdue, 0, running.child.output()});
}

void CommandPool::ended(Ticket ticket, const CommandResult& result) {
  const auto it = running_.find(ticket);
  const auto done = std::move(it->second->done);
  running_.erase(it);
  pump_.schedule();
  if (done) done(result);
}

}  // namespace anyprobe
