#include "modules_status.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "check_counts.hpp"
#include "history.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

constexpr const char* kReason = "not_answering";
constexpr std::size_t kLongestSlug = 64;
constexpr std::size_t kMostReasons = 64;
constexpr std::size_t kMostProblems = 20;
// Of a part: what tidy() leaves of so many services is well below.
constexpr std::size_t kLargestPart = std::size_t{160} * 1024;
// Some thirty routers may be named for each.
constexpr std::size_t kOfAdvertisement = 2048;

// As part of a label or a word of JSON.
void make_slug(std::string& text) {
  if (text.size() > kLongestSlug) text.resize(kLongestSlug);
  for (char& c : text) {
    if (c <= ' ' || c > '~') c = '_';
  }
}

template <typename Each>
void keep_last(std::vector<Each>& all, std::size_t most) {
  if (all.size() > most) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
}

void tidy(CheckStatus& check) {
  make_slug(check.reason);
}

void tidy(ServiceHistory& history) {
  keep_last(history.recent, History::kMostAnswers);
  keep_last(history.transitions, History::kMostTransitions);
  for (auto& each : history.recent) tidy(each);
  for (auto& each : history.transitions) {
    make_slug(each.reason);
    each.detail = first_line(each.detail);
  }
}

// One of two samples of the same labels makes all metrics void.
void tidy(ServiceCounts& counts) {
  make_slug(counts.types);
  std::map<std::pair<Verdict, std::string>, std::uint64_t> sums;
  std::vector<ServiceCounts::Check> checks;
  for (auto& each : counts.checks) {
    make_slug(each.reason);
    const auto known = std::find_if(checks.begin(), checks.end(), [&](const auto& one) {
      return one.verdict == each.verdict && one.reason == each.reason;
    });
    if (known != checks.end())
      known->times += each.times;
    else if (checks.size() < kMostReasons)
      checks.push_back(std::move(each));
  }
  counts.checks = std::move(checks);
}

void tidy(ServiceStatus& service) {
  make_slug(service.reason);
  service.detail = first_line(service.detail);
  if (service.last_check) tidy(*service.last_check);
  if (service.history) tidy(*service.history);
  if (!service.counts) return;
  const auto& bounds = service.counts->bounds;
  if (std::equal(bounds.begin(), bounds.end(), CheckCounts::kBounds.begin(), CheckCounts::kBounds.end()))
    tidy(*service.counts);
  else
    service.counts.reset();
}

}  // namespace

void tidy(InstanceStatus& status) {
  make_slug(status.version);
  if (status.problems.size() > kMostProblems) status.problems.resize(kMostProblems);
  for (auto& each : status.problems) each = first_line(each);
  for (auto& each : status.services) tidy(each);
}

void ModulesStatus::expect(std::vector<ServiceElsewhere> services, WallTime now) {
  std::map<std::string, Known> before;
  for (auto& each : services_) {
    auto name = each.is.name;
    before.emplace(std::move(name), std::move(each));
  }
  services_.clear();
  for (auto& service : services) {
    auto& known = services_.emplace_back();
    known.expected = now;
    if (const auto old = before.find(service.name); old != before.end()) {
      known = std::move(old->second);
      if (known.is.advertise != service.advertise) known.states.clear();
    }
    known.is = std::move(service);
  }
}

void ModulesStatus::see(const std::vector<AdvertisementState>& states) {
  for (auto& each : services_) {
    const auto first = std::min(each.is.first, states.size());
    const auto count = std::min(each.is.advertise.size(), states.size() - first);
    const auto* from = states.data() + first;
    each.states.assign(from, from + count);
  }
}

std::size_t ModulesStatus::largest_part(std::size_t first) const {
  auto out = kLargestPart;
  for (auto i = first; i < services_.size() && i - first < kServicesOfPart; ++i)
    out += kOfAdvertisement * services_[i].is.advertise.size();
  return out;
}

void ModulesStatus::take(std::size_t first, InstanceStatus part) {
  tidy(part);
  auto told = std::exchange(part.services, {});
  head_ = std::move(part);
  for (auto i = first; i < services_.size() && i - first < kServicesOfPart; ++i) {
    auto& known = services_[i];
    const auto its = std::find_if(told.begin(), told.end(),
                                  [&](const auto& service) { return service.name == known.is.name; });
    known.told.reset();
    if (its == told.end()) continue;  // it has another configuration yet
    known.told = std::move(*its);
    told.erase(its);
  }
}

void ModulesStatus::trouble(std::string state, std::string problem, WallTime since) {
  if (state_.empty() || problem_.empty()) since_ = since;
  state_ = std::move(state);
  problem_ = std::move(problem);
}

InstanceStatus ModulesStatus::now() const {
  InstanceStatus out;
  if (state_.empty()) {
    out = head_;
  } else {
    out.state = state_;
    if (!problem_.empty()) out.problems = {instance_ + " " + problem_};
  }
  out.name = instance_;
  for (const auto& each : services_) out.services.push_back(of(each));
  return out;
}

ServiceStatus ModulesStatus::of(const Known& known) const {
  ServiceStatus out;
  if (known.told) {
    out = *known.told;
  } else {
    out.since = known.expected;
    out.history.emplace();
  }
  out.name = known.is.name;
  out.advertise.clear();
  const auto served = known.is.advertise.size() - (known.is.has_token ? 1 : 0);
  for (std::size_t i = 0; i < served; ++i) out.advertise.push_back(of(known, i));
  out.token.reset();
  if (known.is.has_token) {
    out.token = TokenStatus{of(known, served)};
    if (known.told && known.told->token) out.token->queue = known.told->token->queue;
  }
  if (state_.empty() || problem_.empty()) return out;
  out.detail = instance_ + " " + problem_;
  if (known.told && out.health != HealthState::unknown)
    out.detail += out.health == HealthState::up ? "; it was up" : "; it was down";
  out.health = HealthState::unknown;
  out.reason = kReason;
  out.since = since_;
  out.counts.reset();
  return out;
}

AdvertisementStatus ModulesStatus::of(const Known& known, std::size_t index) const {
  const auto state = index < known.states.size() ? known.states[index] : AdvertisementState::withdrawn;
  AdvertisementStatus out{known.is.advertise[index].to_string(), state};
  auto& detail = out.detail.emplace();
  if (!known.told || !state_.empty()) return out;
  const auto& all = known.told->advertise;
  const auto* told = index < all.size() ? &all[index] : nullptr;
  if (index >= all.size() && index + 1 == known.is.advertise.size() && known.told->token)
    told = &known.told->token->advertisement;
  if (told == nullptr || told->what != out.what) return out;
  out.routing = told->routing;
  out.last_instance = told->last_instance;
  out.waits_until = told->waits_until;
  if (!told->detail) return out;
  detail.announcers = told->detail->announcers;
  if (told->state == state) detail.since = told->detail->since;
  return out;
}

}  // namespace anyprobe
