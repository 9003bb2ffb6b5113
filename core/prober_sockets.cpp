// What the prober makes of sockets and interfaces that are gone: it asks at once.
#include <algorithm>
#include <utility>

#include "prober.hpp"
#include "service_log.hpp"

namespace anyprobe {

void Prober::hear_of_sockets(std::function<void(const std::set<std::uint16_t>& ports)> watch,
                             std::function<bool(const IpAddress& address)> is_local) {
  watch_ports_ = std::move(watch);
  is_local_ = std::move(is_local);
}

void Prober::index_endpoints() {
  by_port_.clear();
  std::set<std::uint16_t> ports;
  for (const auto& service : services_) {
    if (service->config().on_close == OnClose::ignore) continue;
    for (const auto& endpoint : service->endpoints()) {
      if (endpoint.protocol == Protocol::local) continue;
      by_port_.emplace_back(endpoint.address.port, service.get());
      ports.insert(endpoint.address.port);
    }
  }
  std::sort(by_port_.begin(), by_port_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (watch_ports_) watch_ports_(ports);
}

void Prober::on_check(Service& service, const Service::Check& check) {
  log_check(service, check);
  // The addresses of names are known with the answers.
  if (service.endpoints_vary() && service.look_at_endpoints()) reindex_.schedule();
}

// Not at once: a process that ends closes all that it has, and one question does for them all.
void Prober::socket_closed(const ClosedSocket& closed) {
  closed_.push_back(closed);
  ask_.schedule();
}

void Prober::sockets_lost() {
  lost_ = true;
  ask_.schedule();
}

void Prober::interface_down(const std::string& name) {
  downs_.insert(name);
  ask_.schedule();
}

bool Prober::is_own(const IpAddress& address) const {
  return address.is_loopback() || (is_local_ && is_local_(address));
}

bool Prober::was_asked_at(const Service& service, const ClosedSocket& closed) const {
  const auto& all = service.endpoints();
  return std::any_of(all.begin(), all.end(), [&](const Endpoint& endpoint) {
    return may_have_answered(closed, endpoint) && (!took_any(closed) || is_own(endpoint.address.ip));
  });
}

void Prober::ask_who_was_hit() {
  std::map<Service*, bool> hit;  // whether the kernel says that a socket of it is closed
  for (const auto& closed : std::exchange(closed_, {})) {
    auto it = std::lower_bound(by_port_.begin(), by_port_.end(), closed.at.port,
                               [](const auto& one, std::uint16_t port) { return one.first < port; });
    for (; it != by_port_.end() && it->first == closed.at.port; ++it) {
      if (!hit.contains(it->second) && was_asked_at(*it->second, closed)) hit.emplace(it->second, true);
    }
  }
  if (std::exchange(lost_, false)) {
    for (const auto& [port, service] : by_port_) hit.emplace(service, false);
  }
  for (const auto& name : std::exchange(downs_, {})) {
    for (const auto& service : services_) {
      const auto& all = service->config().advertise;
      if (std::any_of(all.begin(), all.end(), [&](const auto& what) { return what.interface == name; }))
        hit.emplace(service.get(), false);
    }
  }
  for (const auto& [service, told] : hit) service->ask_at_once(told);
}

}  // namespace anyprobe
