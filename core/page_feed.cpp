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

void cut_problems(InstanceStatus& status) {
  auto& problems = status.problems;
  if (problems.size() <= kMostProblems) return;
  const auto left = problems.size() - kMostProblems;
  problems.resize(kMostProblems);
  problems.push_back("and " + std::to_string(left) + " more problems");
}

bool same_but_older(const std::vector<InstanceStatus>& all, const std::vector<InstanceStatus>& others) {
  return std::equal(all.begin(), all.end(), others.begin(), others.end(),
                    [](const InstanceStatus& a, InstanceStatus b) {
                      b.uptime = a.uptime;
                      return a == b;
                    });
}

std::string event(const std::vector<InstanceStatus>& all, WallTime now, const std::string& more) {
  return "{\"now\":\"" + to_text(now) + "\"," + more + status_json(all, false).substr(1);
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

// What is left of them are heads.
std::vector<PageFeed::Of> PageFeed::take_services(std::vector<InstanceStatus>& from) {
  std::vector<Of> out;
  for (std::size_t i = 0; i < from.size(); ++i) {
    for (auto& service : from[i].services) out.push_back({i, std::move(service)});
    from[i].services.clear();
    cut_problems(from[i]);
  }
  return out;
}

std::string PageFeed::begin(std::vector<InstanceStatus> all, WallTime now) {
  auto services = take_services(all);
  auto names = nlohmann::json::array();
  for (const auto& each : services) names.push_back(each.is.name);
  std::stable_sort(services.begin(), services.end(),
                   [](const auto& a, const auto& b) { return rank(a.is) < rank(b.is); });
  const bool is_first = told_.empty();
  std::size_t size = 0;
  for (auto& [instance, service] : services) {
    if (size > 0 && size + size_of(service) > limits_.first) {
      size = limits_.first;
      told_.erase(service.name);
      continue;
    }
    size += size_of(service);
    // Those who followed before are told by the next look, which goes by what they know.
    if (is_first) remember(service);
    all[instance].services.push_back(std::move(service));
  }
  waiting_.clear();
  using nlohmann::json;
  const auto text = [](const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  return event(all, now, "\"host\":" + text(host_) + ",\"names\":" + text(names) + ",");
}

void PageFeed::look(std::vector<InstanceStatus> all, WallTime now) {
  now_ = now;
  auto services = take_services(all);
  heads_ = std::move(all);
  waiting_.clear();
  std::set<std::string_view> there;
  for (const auto& each : services) there.insert(each.is.name);
  for (auto it = told_.begin(); it != told_.end();) {
    if (!there.contains(it->first)) {
      gone_.push_back(it->first);
      it = told_.erase(it);
    } else {
      ++it;
    }
  }
  for (auto& each : services) {
    if (!is_told(each.is)) waiting_.push_back(std::move(each));
  }
  const auto turn = [&](const ServiceStatus& service) {
    const auto it = told_.find(service.name);
    return std::pair(!is_urgent(service), it == told_.end() ? 0 : it->second.turn);
  };
  std::vector<std::pair<std::pair<bool, std::uint64_t>, std::size_t>> order;
  for (std::size_t i = 0; i < waiting_.size(); ++i) order.emplace_back(turn(waiting_[i].is), i);
  std::sort(order.rbegin(), order.rend());
  std::vector<Of> sorted;
  sorted.reserve(waiting_.size());
  for (const auto& each : order) sorted.push_back(std::move(waiting_[each.second]));
  waiting_ = std::move(sorted);
}

std::string PageFeed::next() {
  if (waiting_.empty() && gone_.empty() && same_but_older(heads_, told_heads_)) return {};
  auto part = heads_;
  std::size_t size = 0;
  while (!waiting_.empty()) {
    auto& [instance, service] = waiting_.back();
    const auto known = told_.find(service.name);
    if (known != told_.end() && service.history) {
      drop_until(service.history->recent, known->second.answer);
      drop_until(service.history->transitions, known->second.transition);
    }
    const auto own = size_of(service);
    if (size > 0 && size + own > limits_.piece) break;
    size += own;
    remember(service);
    part[instance].services.push_back(std::move(service));
    waiting_.pop_back();
  }
  told_heads_ = heads_;
  const auto gone = nlohmann::json(std::exchange(gone_, {}));
  return event(part, now_,
               "\"gone\":" + gone.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + ",");
}

void PageFeed::forget() {
  told_.clear();
  waiting_ = {};
  gone_ = {};
  told_heads_ = {};
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

}  // namespace anyprobe
