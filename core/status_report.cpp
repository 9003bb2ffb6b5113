#include "status_report.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "anyprobe_features.hpp"
#include "modules_status.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

// The keeper answers within milliseconds; one that takes so long is stuck.
constexpr Duration kKeeperPatience = std::chrono::seconds(2);
constexpr Duration kOldest = std::chrono::seconds(1);
constexpr int kRest = 9;
// Answers, and changes too, of all services in one reply: so many take some 20 ms to tell.
constexpr std::size_t kMostTold = 32'000;

std::optional<ServiceCounts> counts_of(const Service& service) {
  const auto* counts = service.counts();
  if (counts == nullptr) return std::nullopt;
  ServiceCounts out;
  out.types = service.config().types;
  for (const auto& one : counts->outcomes())
    out.checks.push_back({one.verdict, std::string(one.name()), one.times});
  out.bounds.assign(CheckCounts::kBounds.begin(), CheckCounts::kBounds.end());
  out.buckets.assign(counts->buckets().begin(), counts->buckets().end());
  out.total = counts->total();
  const auto became = [&](HealthState state) {
    return counts->transitions()[static_cast<std::size_t>(state)];
  };
  out.became_unknown = became(HealthState::unknown);
  out.became_up = became(HealthState::up);
  out.became_down = became(HealthState::down);
  return out;
}

std::optional<std::string> shared_problem(const Service& service) {
  const auto* shared = service.health().shared_failure();
  if (shared == nullptr) return std::nullopt;
  return service.name() + " is up although a shared probe fails: " + shared->detail;
}

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
  const auto now = Clock::now();
  std::vector<TimePoint> since(view.states.size());
  std::size_t index = 0;
  for (const auto& service : services_) {
    for (const auto& what : service->config().advertise) {
      if (index == since.size()) break;
      const bool told = current_ ? index < view_.states.size() : before_.contains(what);
      const auto before = known_of(what, index);
      if (told) since[index] = before.state == view.states[index] ? before.since : now;
      ++index;
    }
  }
  since_ = std::move(since);
  view_ = std::move(view);
  current_ = true;
  before_.clear();
}

void StatusReport::before_change() {
  if (!current_) return;  // what is known is by itself already
  before_.clear();
  std::size_t index = 0;
  for (const auto& service : services_) {
    for (const auto& what : service->config().advertise) before_.emplace(what, known_of(what, index++));
  }
}

void StatusReport::after_change() {
  current_ = false;
  hurry();
}

ControlReply StatusReport::answer(const ControlRequest& request) {
  if (request.verb != kStatusVerb) return {false, "there is no request " + in_quotes(request.verb)};
  const bool detail = request.arguments == std::vector<std::string>{kDetailArgument};
  const bool counts = request.arguments == std::vector<std::string>{kCountsArgument};
  if (!request.arguments.empty() && !detail && !counts) {
    return {false,
            "status takes no argument but " + std::string(kDetailArgument) + " and " + kCountsArgument};
  }
  const auto json = [&]() -> Outcome<std::string> {
    return status_json(std::vector{now(detail, counts)}, false);
  };
  return {true, *recent(counts ? with_counts_ : detail ? detailed_ : plain_, json)};
}

InstanceStatus StatusReport::head() {
  auto out = now(false, true, {0, 0});
  for (const auto& service : services_) {
    if (auto problem = shared_problem(*service)) out.problems.push_back(std::move(*problem));
  }
  return out;
}

std::string StatusReport::json_of_all() {
  return *recent(of_all_, [&]() -> Outcome<std::string> { return status_json(all(), false); });
}

std::vector<InstanceStatus> StatusReport::all() {
  std::vector<InstanceStatus> out{now(true)};
  if (auto beside = beside_without_counts()) out.push_back(std::move(*beside));
  return out;
}

InstanceStatus StatusReport::some(std::size_t first, std::size_t count) {
  auto out = now(true, false, {first, count});
  if (first == 0) return out;
  std::ptrdiff_t of_services = 0;
  for (std::size_t i = first; i < first + out.services.size(); ++i)
    of_services += shared_problem(*services_[i]) ? 1 : 0;
  out.problems.erase(out.problems.begin(), out.problems.end() - of_services);
  return out;
}

std::optional<InstanceStatus> StatusReport::beside_without_counts() const {
  auto out = beside();
  if (!out) return out;
  out->counts.reset();
  for (auto& service : out->services) service.counts.reset();
  return out;
}

ControlReply StatusReport::answer_part(const ControlRequest& request) {
  const auto number = [&](std::size_t at) -> std::optional<std::size_t> {
    std::size_t out = 0;
    const auto& text = request.arguments[at];
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, out);
    return read.ec == std::errc{} && read.ptr == end ? std::optional(out) : std::nullopt;
  };
  if (request.verb != kPartVerb || request.arguments.size() != 2 || !number(0) || !number(1))
    return {false, "there is no request " + in_quotes(request.verb) + " like that"};
  auto part = now(true, true, {*number(0), kServicesOfPart});
  tidy(part);
  ControlReply out{true, status_json({&part, 1}, false)};
  if (out.body.size() > *number(1)) return {false, "it is longer than it may be"};
  return out;
}

template <typename Make>
Outcome<std::string> StatusReport::recent(Made& made, Make make) {
  const auto begin = Clock::now();
  if (begin < made.good_until) return made.text;
  auto text = make();
  if (!text) return text;
  made.text = std::move(text).value();
  const auto end = Clock::now();
  made.good_until = end + std::min<Duration>(kRest * (end - begin), kOldest);
  return made.text;
}

InstanceStatus StatusReport::now(bool detail, bool counts, Part part) {
  if (counts && count_ && part.first == 0) count_();
  const Moment moment{Clock::now(), std::chrono::system_clock::now(), detail};
  const auto steady = moment.steady;
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
  if (counts) out.counts = InstanceCounts{view_.counts.netlink_errors, view_.counts.lease_renewals};
  std::size_t first = 0;
  std::size_t number = 0;
  for (const auto& service : services_) {
    const auto own = std::exchange(first, first + service->config().advertise.size());
    if (const auto at = number++; at < part.first || at - part.first >= part.count) continue;
    if (detail) service->keep_history();
    out.services.push_back(of(*service, own, moment));
    if (counts) out.services.back().counts = counts_of(*service);
    if (auto problem = shared_problem(*service)) out.problems.push_back(std::move(*problem));
  }
  return out;
}

ServiceStatus StatusReport::of(const Service& service, std::size_t first, const Moment& moment) {
  const auto& [steady, wall, detail] = moment;
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
  if (detail) out.history = history_of(service, moment);
  for (const auto& what : service.config().served()) {
    out.advertise.push_back(of(what, first++, moment));
    out.advertise.back().last_instance = service.last_instance().keeps(what);
  }
  if (const auto* token = service.config().token())
    out.token = TokenStatus{of(*token, first, moment), queue_ ? queue_(out.name) : DrainQueue::State::out};
  if (drained_ && drained_(out.name)) {
    const bool over = std::all_of(out.advertise.begin(), out.advertise.end(), [](const auto& each) {
      return each.state == AdvertisementState::withdrawn || each.state == AdvertisementState::foreign;
    });
    out.admin = over ? AdminState::drained : AdminState::draining;
  }
  return out;
}

ServiceHistory StatusReport::history_of(const Service& service, const Moment& moment) {
  ServiceHistory out;
  const auto* history = service.history();
  if (history == nullptr) return out;
  const auto room = std::max<std::size_t>(kMostTold / services_.size(), 1);
  const auto at = [&](TimePoint when) { return clock_.at(when, moment.steady, moment.wall); };
  for (const auto& each : history->answers(std::min(room, History::kMostAnswers))) {
    out.recent.push_back({at(each.at), each.verdict, std::string(each.reason),
                          std::chrono::floor<std::chrono::microseconds>(each.took)});
  }
  for (const auto& each : history->transitions(std::min(room, History::kMostTransitions)))
    out.transitions.push_back({at(each.at), each.to, std::string(each.reason), each.detail});
  return out;
}

AdvertisementStatus StatusReport::of(const Advertisement& what, std::size_t index, const Moment& moment) {
  const auto known = known_of(what, index);
  const auto& [steady, wall, detail] = moment;
  AdvertisementStatus out{what.to_string(), known.state};
  if (confirmed_) out.routing = confirmed_(what);
  if (const auto until = waits_until(index); until > steady) out.waits_until = clock_.at(until, steady, wall);
  if (!detail) return out;
  auto& more = out.detail.emplace();
  if (known.since != TimePoint()) more.since = clock_.at(known.since, steady, wall);
  if (announcers_) more.announcers = announcers_(what);
  return out;
}

TimePoint StatusReport::waits_until(std::size_t index) const {
  return current_ && index < view_.waits.size() ? view_.waits[index] : TimePoint();
}

// What nothing was told of is not announced by us.
StatusReport::Known StatusReport::known_of(const Advertisement& what, std::size_t index) const {
  if (!current_) {
    const auto known = before_.find(what);
    return known == before_.end() ? Known() : known->second;
  }
  if (index >= view_.states.size()) return {};
  return {view_.states[index], index < since_.size() ? since_[index] : TimePoint()};
}

}  // namespace anyprobe
