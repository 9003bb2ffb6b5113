// Which events concern the reconciler, and what follows from those.
#include <algorithm>
#include <utility>

#include "reconciler.hpp"

namespace anyprobe {

// What events may concern us, by what they name.
void Reconciler::index() {
  numbers_.clear();
  routes_.clear();
  const auto add = [this](const Advertisement& what, std::size_t i) {
    if (what.kind == Advertisement::Kind::address) numbers_.add(what.prefix.address, i);
    if (what.kind == Advertisement::Kind::route) routes_.emplace(what.prefix, what.table);
  };
  for (std::size_t i = 0; i < desired_.size(); ++i) add(desired_[i].advertisement, i);
  for (const auto& each : gone_) add(each.advertisement, OwnersByNumber::kNobody);
  numbers_.sort();
  if (const bool any = !routes_.empty(); any != std::exchange(watches_routes_, any)) {
    monitor_.watch_routes(any);
    scan_ = any;
  }
}

bool Reconciler::concerns_us(const TableEvent& event) const {
  switch (event.kind) {
    case TableEvent::Kind::address:
      return is_news(event);
    case TableEvent::Kind::link:
      return interfaces_.concerns(event);
    case TableEvent::Kind::route:
      return routes_.contains({event.prefix, event.table});
    case TableEvent::Kind::lost:
      return true;
  }
  return true;
}

// Whether it tells of an address otherwise than we left it. The echoes of our own changes do not, and not
// each of them can be told by its sender.
bool Reconciler::is_news(const TableEvent& event) const {
  const auto owners = numbers_.all_of(event.prefix.address);
  return std::any_of(owners.begin(), owners.end(), [&](std::size_t i) {
    if (!event.ours) return true;
    if (i == OwnersByNumber::kNobody) return !event.gone;
    if (event.gone) return desired_[i].wish == Wish::announce || desired_[i].wish == Wish::hold;
    const auto& what = desired_[i].advertisement;
    return states_[i] != AdvertisementState::announced || what.prefix != event.prefix ||
           !interfaces_.is(what.interface, event.index);
  });
}

void Reconciler::on_event(const TableEvent& event) {
  if (!concerns_us(event)) return;
  scan_ = scan_ || (event.kind == TableEvent::Kind::route && !event.ours);
  if (!event.by.empty()) repairs_.blame(event.by);
  if (later_.active()) return;
  const auto now = Clock::now();
  const auto due = last_for_event_ + times_.least_gap;
  if (due <= now) {
    // From a clean stack, so that all events that wait to be read are answered by one compare.
    now_.schedule();
    last_for_event_ = now;
  } else {
    later_.start_at(due);
    last_for_event_ = due;
  }
}

}  // namespace anyprobe
