#include "advertisement.hpp"

namespace anyprobe {

Advertisement Advertisement::link(const InterfaceName& interface) {
  Advertisement out;
  out.interface = interface;
  out.kind = Kind::link;
  return out;
}

std::string Advertisement::to_string() const {
  switch (kind) {
    case Kind::address:
      return prefix.to_string() + " on " + std::string(interface);
    case Kind::route:
      return route_text(prefix, via, interface, table, metric);
    case Kind::link:
      break;
  }
  return "link " + std::string(interface);
}

std::string route_text(const Prefix& prefix, const std::optional<IpAddress>& via, const std::string& device,
                       std::uint32_t table, std::uint32_t metric) {
  auto out = prefix.to_string();
  if (via) out += " via " + via->to_string();
  if (!device.empty()) out += " dev " + device;
  if (table != kMainTable) out += " table " + std::to_string(table);
  if (metric != default_metric(prefix.address.family())) out += " metric " + std::to_string(metric);
  return out;
}

}  // namespace anyprobe
