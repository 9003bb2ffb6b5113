// What the prober makes of being the last that announces something.
#include "log.hpp"
#include "prober.hpp"

namespace anyprobe {

LastInstance::Others Prober::others_of(const Service& service) const {
  LastInstance::Others out;
  for (const auto& what : service.config().advertise)
    out.push_back(routing_ ? routing_(what).others : std::nullopt);
  return out;
}

// What keeps a drain from being done: "dns: no other router announces 192.0.2.1/32 on lo"; else empty.
std::string Prober::last_of(const Service& service) const {
  if (!service.up()) return {};
  const auto others = others_of(service);
  for (std::size_t i = 0; i < others.size(); ++i) {
    if (others[i] == std::optional(0U))
      return service.name() + ": no other router announces " + service.config().advertise[i].to_string() +
             " (--force drains it all the same)";
  }
  return {};
}

void Prober::note_last_instance(Service& service, const HealthEvent& event) {
  auto& last = service.last_instance();
  const bool kept = last.any();
  last.clear();
  if (kept && event.to == HealthState::up)
    log(LogLevel::info, service.name() + ": is no longer announced as the last instance alone",
        {{"service", service.name()}});
  const auto& policy = service.config().last_instance;
  if (event.from != HealthState::up || policy.min_peers == 0 || drained(service.name())) return;
  last.fail(policy, others_of(service), service.dead());
  for (const auto& line : kept_of(service)) log(LogLevel::error, line, {{"service", service.name()}});
}

// Looks again whether there are others by now.
bool Prober::keeps_any(Service& service) {
  auto& last = service.last_instance();
  if (!last.any()) return false;
  if (suspended_ || leaving_ || drained(service.name())) {
    last.clear();
    return false;
  }
  const bool dead = service.dead();
  for (const auto i : last.look(service.config().last_instance, others_of(service), dead)) {
    if (i >= service.config().advertise.size()) continue;
    log(LogLevel::warning,
        service.name() + ": " + service.config().advertise[i].to_string() +
            (dead && !service.config().last_instance.keeps_dead
                 ? " is withdrawn, being dead for certain (last_resort)"
                 : " is withdrawn: others announce it now"),
        {{"service", service.name()}});
  }
  return last.any();
}

std::vector<std::string> Prober::kept_of(const Service& service) const {
  std::vector<std::string> out;
  const auto& advertise = service.config().advertise;
  for (std::size_t i = 0; i < advertise.size(); ++i) {
    if (service.last_instance().keeps(i))
      out.push_back(service.name() + ": " + advertise[i].to_string() +
                    " stays announced although the service is down: too few others announce it (min_peers)");
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
