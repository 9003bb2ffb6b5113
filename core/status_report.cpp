#include "status_report.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "anyprobe_features.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

// The keeper answers within milliseconds; one that takes so long is stuck.
constexpr Duration kKeeperPatience = std::chrono::seconds(2);
constexpr Duration kOldest = std::chrono::seconds(1);
constexpr int kRest = 9;

}  // namespace

StatusReport::StatusReport(std::string instance, const Services& services,
                           std::function<std::optional<TimePoint>()> owed_since,
                           std::function<bool(const std::string&)> drained)
    : instance_(std::move(instance)),
      services_(services),
      owed_since_(std::move(owed_since)),
      drained_(std::move(drained)),
      started_(Clock::now()) {}

void StatusReport::take(KernelView view) {
  view_ = std::move(view);
  current_ = true;
  before_.clear();
}

void StatusReport::before_change() {
  if (!current_) return;  // what is known is by itself already
  before_.clear();
  std::size_t index = 0;
  for (const auto& service : services_) {
    for (const auto& what : service->config().advertise) before_.emplace(what, state_of(what, index++));
  }
}

void StatusReport::after_change() {
  current_ = false;
  good_until_ = {};
}

ControlReply StatusReport::answer(const ControlRequest& request) {
  if (request.verb != "status") return {false, "there is no request " + in_quotes(request.verb)};
  if (!request.arguments.empty()) return {false, "status takes no argument"};
  const auto begin = Clock::now();
  if (begin < good_until_) return {true, made_};
  made_ = status_json(std::vector{now()}, false);
  const auto end = Clock::now();
  good_until_ = end + std::min<Duration>(kRest * (end - begin), kOldest);
  return {true, made_};
}

InstanceStatus StatusReport::now() {
  const auto steady = Clock::now();
  const auto wall = std::chrono::system_clock::now();
  InstanceStatus out;
  out.name = instance_;
  out.pid = getpid();
  out.version = ANYPROBE_VERSION;
  out.uptime = std::chrono::floor<std::chrono::seconds>(steady - started_);
  out.reloads_asked = view_.reloads_asked;
  out.reloads_done = view_.reloads_done;
  if (problems_) out.problems = problems_();
  out.problems.insert(out.problems.end(), view_.problems.begin(), view_.problems.end());
  if (const auto owed = owed_since_(); owed && steady - *owed >= kKeeperPatience)
    out.problems.emplace_back("the keeper does not answer");
  std::size_t first = 0;
  for (const auto& service : services_) {
    out.services.push_back(of(*service, first, steady, wall));
    first += service->config().advertise.size();
    if (const auto* shared = service->health().shared_failure())
      out.problems.push_back(service->name() + " is up although a shared probe fails: " + shared->detail);
  }
  return out;
}

ServiceStatus StatusReport::of(const Service& service, std::size_t first, TimePoint steady,
                               std::chrono::system_clock::time_point wall) {
  ServiceStatus out;
  out.name = service.name();
  out.health = service.health().state();
  out.reason = service.reason();
  out.detail = service.detail();
  out.since = clock_.at(service.health().since(), steady, wall);
  if (const auto& last = service.last()) {
    out.last_check = CheckStatus{clock_.at(last->at, steady, wall), last->verdict, std::string(last->reason),
                                 std::chrono::floor<std::chrono::microseconds>(last->took)};
  }
  for (const auto& what : service.config().served()) {
    out.advertise.push_back(of(what, first++, steady, wall));
    out.advertise.back().last_instance = service.last_instance().keeps(what);
  }
  if (const auto* token = service.config().token())
    out.token =
        TokenStatus{of(*token, first, steady, wall), queue_ ? queue_(out.name) : DrainQueue::State::out};
  if (drained_ && drained_(out.name)) {
    const bool over = std::all_of(out.advertise.begin(), out.advertise.end(), [](const auto& each) {
      return each.state == AdvertisementState::withdrawn || each.state == AdvertisementState::foreign;
    });
    out.admin = over ? AdminState::drained : AdminState::draining;
  }
  return out;
}

AdvertisementStatus StatusReport::of(const Advertisement& what, std::size_t index, TimePoint steady,
                                     std::chrono::system_clock::time_point wall) {
  AdvertisementStatus out{what.to_string(), state_of(what, index)};
  if (confirmed_) out.routing = confirmed_(what);
  if (const auto until = waits_until(index); until > steady) out.waits_until = clock_.at(until, steady, wall);
  return out;
}

TimePoint StatusReport::waits_until(std::size_t index) const {
  return current_ && index < view_.waits.size() ? view_.waits[index] : TimePoint();
}

// What nothing was told of is not announced by us.
AdvertisementState StatusReport::state_of(const Advertisement& what, std::size_t index) const {
  if (current_) return index < view_.states.size() ? view_.states[index] : AdvertisementState::withdrawn;
  const auto known = before_.find(what);
  return known == before_.end() ? AdvertisementState::withdrawn : known->second;
}

}  // namespace anyprobe
