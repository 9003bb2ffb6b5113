// What the prober makes of being the last that announces something.
#include "log.hpp"
#include "prober.hpp"

namespace anyprobe {
namespace {

// Of what is there when a prober starts; its first question is answered within a fraction of that.
constexpr Duration kUntilFrrTells = std::chrono::seconds(1);

}  // namespace

LastInstance::Others Prober::others_of(const Service& service) const {
  LastInstance::Others out;
  for (const auto& what : service.config().served())
    out[what] = routing_ ? routing_(what).others : std::nullopt;
  return out;
}

// What keeps a drain from being done: "dns: no other router announces 192.0.2.1/32 on lo"; else empty.
std::string Prober::last_of(const Service& service) const {
  if (!service.up()) return {};
  for (const auto& [what, others] : others_of(service)) {
    if (others == std::optional(0U))
      return service.name() + ": no other router announces " + what.to_string() +
             " (--force drains it all the same)";
  }
  return {};
}

void Prober::note_last_instance(Service& service, const HealthEvent& event) {
  auto& last = service.last_instance();
  if (last.any() && event.to == HealthState::up)
    log(LogLevel::info, service.name() + ": is no longer announced as the last instance alone",
        {{"service", service.name()}});
  last.clear();
  const auto& policy = service.config().last_instance;
  const bool stood = taken_up_.erase(service.name()) > 0;
  const bool fails = event.to == HealthState::down && (event.from == HealthState::up || stood);
  if (!fails || policy.min_peers == 0 || drained(service.name())) return;
  auto others = others_of(service);
  // What has gone meanwhile, as by its lease, is not announced anew.
  std::erase_if(others, [&](const auto& each) {
    const auto state = service.standing(each.first);
    return stood && state && *state != AdvertisementState::announced;
  });
  // Whoever has just started has not been told of any others yet.
  last.fail(policy, others, service.dead(), stood ? Clock::now() + kUntilFrrTells : TimePoint());
  if (last.any_open()) tend_.start(Duration());
  for (const auto& line : kept_of(service)) log(LogLevel::error, line, {{"service", service.name()}});
}

// Looks again whether there are others by now.
bool Prober::keeps_any(Service& service) {
  auto& last = service.last_instance();
  if (!last.any()) return false;
  const auto& policy = service.config().last_instance;
  if (suspended_ || leaving_ || drained(service.name())) {
    last.clear();
    return false;
  }
  const char* why = policy.min_peers == 0                  ? "min_peers is off"
                    : service.dead() && !policy.keeps_dead ? "it is dead for certain (last_resort)"
                                                           : "others announce it now";
  const auto others = others_of(service);
  const auto change = last.look(policy, others, service.dead(), Clock::now());
  for (const auto& what : change.kept)
    log(LogLevel::error, kept_line(service.name(), what.to_string()), {{"service", service.name()}});
  for (const auto& what : change.gone) {
    const auto known = others.find(what);
    if (known == others.end()) continue;  // it is not configured any more
    log(LogLevel::warning,
        service.name() + ": " + what.to_string() +
            " is withdrawn: " + (known->second ? why : "who else announces it cannot be told"),
        {{"service", service.name()}});
  }
  return last.any();
}

std::vector<std::string> Prober::kept_of(const Service& service) const {
  std::vector<std::string> out;
  for (const auto& what : service.config().served()) {
    if (service.last_instance().keeps(what)) out.push_back(kept_line(service.name(), what.to_string()));
  }
  return out;
}

std::vector<std::string> Prober::last_instances() const {
  std::vector<std::string> out;
  for (const auto& service : services_) {
    for (auto& line : kept_of(*service)) out.push_back(std::move(line));
  }
  return out;
}

}  // namespace anyprobe
