#include "page_feed.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

namespace anyprobe {
namespace {

// More than these nobody reads; the count tells of the rest.
constexpr std::size_t kMostProblems = 20;

bool is_kept(const ServiceStatus& service) {
  return std::any_of(service.advertise.begin(), service.advertise.end(),
                     [](const auto& each) { return each.last_instance; });
}

int rank(const ServiceStatus& service) {
  if (is_kept(service)) return 0;
  if (service.health != HealthState::up) return service.health == HealthState::down ? 1 : 2;
  return service.admin == AdminState::active ? 4 : 3;
}

// Rather too much than too little.
std::size_t size_of(const ServiceStatus& service) {
  constexpr std::size_t kService = 400;
  constexpr std::size_t kAdvertisement = 300;
  constexpr std::size_t kAnnouncer = 50;
  constexpr std::size_t kHistory = 120;
  auto out = kService + service.name.size() + service.reason.size() + service.detail.size();
  for (const auto& each : service.advertise) {
    out += kAdvertisement + each.what.size();
    if (each.detail && each.detail->announcers) out += kAnnouncer * each.detail->announcers->size();
  }
  if (!service.history) return out;
  out += kHistory * service.history->recent.size();
  for (const auto& each : service.history->transitions)
    out += kHistory + each.reason.size() + each.detail.size();
  return out;
}

InstanceStatus head_of(InstanceStatus status) {
  status.services.clear();
  auto& problems = status.problems;
  if (problems.size() > kMostProblems) {
    const auto left = problems.size() - kMostProblems;
    problems.resize(kMostProblems);
    problems.push_back("and " + std::to_string(left) + " more problems");
  }
  return status;
}

bool same_but_older(const InstanceStatus& a, InstanceStatus b) {
  b.uptime = a.uptime;
  return a == b;
}

template <typename Each>
std::optional<WallTime> last_of(const std::vector<Each>& history) {
  return history.empty() ? std::nullopt : std::optional(history.back().at);
}

template <typename Each>
void drop_until(std::vector<Each>& history, const std::optional<WallTime>& told) {
  if (told) std::erase_if(history, [&](const Each& each) { return each.at <= *told; });
}

}  // namespace

std::string PageFeed::begin(InstanceStatus status, WallTime now) {
  auto names = nlohmann::json::array();
  for (const auto& service : status.services) names.push_back(service.name);
  auto services = std::exchange(status.services, {});
  auto part = head_of(std::move(status));
  std::stable_sort(services.begin(), services.end(),
                   [](const auto& a, const auto& b) { return rank(a) < rank(b); });
  const bool is_first = told_.empty();
  std::size_t size = 0;
  for (auto& service : services) {
    if (size > 0 && size + size_of(service) > limits_.first) {
      size = limits_.first;
      told_.erase(service.name);
      continue;
    }
    size += size_of(service);
    // Those who followed before are told by the next look, which goes by what they know.
    if (is_first) remember(service);
    part.services.push_back(std::move(service));
  }
  waiting_.clear();
  using nlohmann::json;
  const auto text = [](const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  return event(part, now, "\"host\":" + text(host_) + ",\"names\":" + text(names) + ",");
}

void PageFeed::look(InstanceStatus status, WallTime now) {
  now_ = now;
  auto services = std::exchange(status.services, {});
  head_ = head_of(std::move(status));
  waiting_.clear();
  std::set<std::string_view> there;
  for (const auto& service : services) there.insert(service.name);
  for (auto it = told_.begin(); it != told_.end();) {
    if (!there.contains(it->first)) {
      gone_.push_back(it->first);
      it = told_.erase(it);
    } else {
      ++it;
    }
  }
  for (auto& service : services) {
    if (!is_told(service)) waiting_.push_back(std::move(service));
  }
  const auto turn = [&](const ServiceStatus& service) {
    const auto it = told_.find(service.name);
    return std::pair(!is_urgent(service), it == told_.end() ? 0 : it->second.turn);
  };
  std::vector<std::pair<std::pair<bool, std::uint64_t>, std::size_t>> order;
  for (std::size_t i = 0; i < waiting_.size(); ++i) order.emplace_back(turn(waiting_[i]), i);
  std::sort(order.rbegin(), order.rend());
  std::vector<ServiceStatus> sorted;
  sorted.reserve(waiting_.size());
  for (const auto& each : order) sorted.push_back(std::move(waiting_[each.second]));
  waiting_ = std::move(sorted);
}

std::string PageFeed::next() {
  if (waiting_.empty() && gone_.empty() && same_but_older(head_, told_head_)) return {};
  auto part = head_;
  std::size_t size = 0;
  while (!waiting_.empty()) {
    auto& service = waiting_.back();
    const auto known = told_.find(service.name);
    if (known != told_.end() && service.history) {
      drop_until(service.history->recent, known->second.answer);
      drop_until(service.history->transitions, known->second.transition);
    }
    const auto own = size_of(service);
    if (size > 0 && size + own > limits_.piece) break;
    size += own;
    remember(service);
    part.services.push_back(std::move(service));
    waiting_.pop_back();
  }
  told_head_ = head_;
  const auto gone = nlohmann::json(std::exchange(gone_, {}));
  return event(part, now_,
               "\"gone\":" + gone.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + ",");
}

void PageFeed::forget() {
  told_.clear();
  waiting_ = {};
  gone_ = {};
  told_head_ = {};
}

bool PageFeed::is_told(ServiceStatus& service) const {
  const auto it = told_.find(service.name);
  if (it == told_.end()) return false;
  const auto& told = it->second;
  auto history = std::exchange(service.history, std::nullopt);
  const bool same =
      told.status == service && (!history || (last_of(history->recent) <= told.answer &&
                                              last_of(history->transitions) <= told.transition));
  service.history = std::move(history);
  return same;
}

// More than another answer.
bool PageFeed::is_urgent(const ServiceStatus& service) const {
  const auto it = told_.find(service.name);
  if (it == told_.end()) return false;
  const auto& known = it->second.status;
  return known.health != service.health || known.admin != service.admin ||
         known.advertise != service.advertise;
}

void PageFeed::remember(const ServiceStatus& service) {
  auto& told = told_[service.name];
  if (service.history) {
    told.answer = std::max(told.answer, last_of(service.history->recent));
    told.transition = std::max(told.transition, last_of(service.history->transitions));
  }
  told.status = service;
  told.status.history.reset();
  told.turn = ++turns_;
}

std::string PageFeed::event(const InstanceStatus& status, WallTime now, const std::string& more) const {
  return "{\"now\":\"" + to_text(now) + "\"," + more + status_json({&status, 1}, false).substr(1);
}

}  // namespace anyprobe
