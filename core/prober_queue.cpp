// What the prober makes of the queue for a drain, and of what lingers until FRR shows it withdrawn.
#include <algorithm>

#include "log.hpp"
#include "prober.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

constexpr Duration kTend = std::chrono::milliseconds(100);

}  // namespace

std::string Prober::queue(const std::vector<std::string>& names) {
  if (auto wrong = wrong_with_order(names); !wrong.empty()) return wrong;
  for (const auto& name : names) {
    const auto found = queues_.find(name);
    if (found == queues_.end()) return name + " has no drain_token";
    const auto now = Clock::now();
    auto refusal = std::exchange(found->second.refusal, {});
    if (!refusal.empty() && now - found->second.refused_at < DrainQueue::kForgotten) return refusal;
    if (!drained(name)) found->second.queue.join(now);
  }
  tend();
  return {};
}

std::string Prober::leave_queue(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (const auto found = queues_.find(name); found != queues_.end()) found->second.queue.leave();
  }
  tend();
  want();
  return {};
}

DrainQueue::State Prober::queue_of(const std::string& name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? DrainQueue::State::out : found->second.queue.state();
}

// The services have been replaced.
void Prober::set_up_queues() {
  std::map<std::string, Queue> next;
  for (const auto& service : services_) {
    if (service->config().token() == nullptr) continue;
    auto old = queues_.find(service->name());
    auto& mine = next[service->name()];
    if (old != queues_.end()) mine = std::move(old->second);
    if (drained(service->name())) mine.queue.hold();
  }
  queues_ = std::move(next);
  tend();
}

Wish Prober::wish_for_token(const Service& service) const {
  if (suspended_ || left_) return Wish::withdraw;
  const auto found = queues_.find(service.name());
  const bool announced = !leaving_ && found != queues_.end() && found->second.queue.announces_token();
  return announced ? Wish::announce : Wish::linger;
}

// Of a drain without the queue.
std::string Prober::held_by_another(const Service& service) const {
  const auto* token = service.config().token();
  if (token == nullptr || !sight_) return {};
  const auto seen = sight_(*token);
  if (!seen || seen->others == 0) return {};
  return service.name() + ": another router holds the drain token " + token->prefix.to_string() +
         " (--wait queues for it, --force drains it all the same)";
}

// What it does for who waits, again and again.
void Prober::tend() {
  if (suspended_ || left_) return;
  const bool any_queues = !leaving_ && tend_queues();
  const bool any_open = std::any_of(services_.begin(), services_.end(),
                                    [](const auto& service) { return service->last_instance().any_open(); });
  if (any_open || any_lingered()) changed_.schedule();
  if (any_queues || any_open || lingering_.any())
    tend_.start(kTend);
  else
    tend_.stop();
}

// Whether somebody waits.
bool Prober::tend_queues() {
  std::set<Advertisement> watched;
  bool changed = false;
  bool any = false;
  for (const auto& service : services_) {
    const auto found = queues_.find(service->name());
    if (found == queues_.end()) continue;
    auto& queue = found->second.queue;
    const bool announced = queue.announces_token();
    if (queue.queues()) take_turn(*service, found->second);
    if (queue.state() == DrainQueue::State::returning && is_back(*service)) queue.returned();
    changed = changed || announced != queue.announces_token();
    any = any || queue.queues() || queue.state() == DrainQueue::State::returning;
    if (queue.queues())
      watched.insert(service->config().advertise.begin(), service->config().advertise.end());
  }
  if (watch_ && watched != watched_) watch_(watched_ = std::move(watched));
  if (changed) changed_.schedule();
  return any;
}

// Nothing lingers for longer than anybody is sent here.
bool Prober::any_lingered() {
  if (!lingering_.any()) return false;
  for (const auto& service : services_) {
    const auto served = service->config().served();
    if (std::any_of(served.begin(), served.end(),
                    [&](const Advertisement& what) { return has_lingered(*service, what); }))
      return true;
  }
  return false;
}

void Prober::take_turn(Service& service, Queue& mine) {
  const auto* token = service.config().token();
  std::vector<std::optional<Sighting>> served;
  // One that is down is missed by nobody.
  for (const auto& what : service.config().served()) {
    if (service.up()) served.push_back(sight_ ? sight_(what) : std::nullopt);
  }
  const auto before = mine.queue.state();
  const auto step =
      mine.queue.look(Clock::now(), lsa_flooding_, sight_ ? sight_(*token) : std::nullopt, served);
  const auto& name = service.name();
  if (mine.queue.state() != before && mine.queue.queues())
    log(LogLevel::info,
        name +
            (mine.queue.state() == DrainQueue::State::claiming
                 ? ": the drain token " + token->prefix.to_string() + " is free: announcing it, for our turn"
                 : ": another holds the drain token " + token->prefix.to_string() + ": waiting for it"),
        {{"service", name}});
  switch (step) {
    case DrainQueue::Step::wait:
      return;
    case DrainQueue::Step::drain:
      log(LogLevel::info, name + ": it is our turn");
      return set_drained({name}, true);
    case DrainQueue::Step::refuse_last:
      mine.refusal = last_of(service);
      if (mine.refusal.empty()) mine.refusal = name + ": no other router announces it";
      break;
    case DrainQueue::Step::refuse_blind:
      mine.refusal = name +
                     ": whose turn it is cannot be told, for want of an answer of FRR (--force drains it "
                     "all the same)";
      break;
  }
  mine.refused_at = Clock::now();
  log(LogLevel::warning, mine.refusal, {{"service", name}});
}

bool Prober::is_back(const Service& service) const {
  const auto served = service.config().served();
  return std::all_of(served.begin(), served.end(), [&](const Advertisement& what) {
    const auto state = service.standing(what);
    const bool stands = state == AdvertisementState::announced || state == AdvertisementState::foreign;
    return stands && (!routing_ || routing_(what).confirmed != std::optional(false));
  });
}

bool Prober::has_lingered(const Service& service, const Advertisement& what) {
  return service.config().lingers_until_shown &&
         lingering_.is_over(what, sight_ ? sight_(what) : std::nullopt, Clock::now());
}

}  // namespace anyprobe
