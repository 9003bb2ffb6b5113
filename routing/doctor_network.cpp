#include "doctor_network.hpp"

#include <algorithm>

namespace anyprobe {
namespace {

using Ailments = std::vector<Ailment>;
using Kind = Advertisement::Kind;

const HostLink* link_of(const NetworkFacts& facts, std::string_view name) {
  const auto found = std::find_if(facts.links.begin(), facts.links.end(),
                                  [&](const auto& link) { return link.name == name; });
  return found == facts.links.end() ? nullptr : &*found;
}

bool is_shared(const HostLink& link) {
  return link.up && !link.loopback && link.asks_by_arp;
}

template <typename Take>
void each_address(const NetworkFacts& facts, Take take) {
  for (const auto& patient : facts.patients) {
    for (const auto& what : patient.advertise) {
      if (what.kind == Kind::address) take(patient, what);
    }
  }
}

Ailments missing_interface(const NetworkFacts& facts) {
  std::set<std::string> missing;
  for (const auto& patient : facts.patients) {
    for (const auto& what : patient.advertise) {
      const std::string name = what.interface;
      if (!name.empty() && link_of(facts, name) == nullptr) missing.insert(name);
    }
  }
  Ailments out;
  for (const auto& name : missing)
    out.push_back({"there is no interface " + name, {"ip link add " + shell_word(name) + " type dummy"}});
  return out;
}

Ailments interface_down(const NetworkFacts& facts) {
  std::set<std::string> seen;
  Ailments out;
  for (const auto& patient : facts.patients) {
    for (const auto& what : patient.advertise) {
      const auto* link = link_of(facts, what.interface.view());
      if (what.kind == Kind::link || link == nullptr || link->up || !seen.insert(link->name).second) continue;
      out.push_back({link->name + " is down, and has " + what.to_string() + " of " + patient.name,
                     {"ip link set dev " + shell_word(link->name) + " up"}});
    }
  }
  return out;
}

bool is_link_local(const IpAddress& ip) {
  return ip.family() == Family::ipv6 && Prefix::parse("fe80::/10")->contains(ip);
}

// What FRR would announce of a link.
std::vector<Prefix> carried_by(const NetworkFacts& facts, std::string_view link) {
  std::vector<Prefix> out;
  for (const auto& own : facts.addresses) {
    if (own.interface != link || is_link_local(own.prefix.address)) continue;
    const Prefix network{own.prefix.network(), own.prefix.length};
    if (std::find(out.begin(), out.end(), network) == out.end()) out.push_back(network);
  }
  return out;
}

template <typename Take>
void each_link(const NetworkFacts& facts, Take take) {
  std::set<std::string> seen;
  for (const auto& patient : facts.patients) {
    for (const auto& what : patient.advertise) {
      const auto* link = what.kind == Kind::link ? link_of(facts, what.interface.view()) : nullptr;
      if (link != nullptr && seen.insert(link->name).second) take(patient, *link);
    }
  }
}

Ailments link_needed(const NetworkFacts& facts) {
  Ailments out;
  each_link(facts, [&](const Patient& patient, const HostLink& link) {
    if (!link.needed.empty())
      out.push_back({patient.name + " is announced by " + link.name + " as a whole: " + link.needed});
  });
  return out;
}

Ailments link_empty(const NetworkFacts& facts) {
  Ailments out;
  each_link(facts, [&](const Patient& patient, const HostLink& link) {
    if (carried_by(facts, link.name).empty())
      out.push_back({patient.name + " is announced by " + link.name + ", which has no address"});
  });
  return out;
}

Ailments link_forgets(const NetworkFacts& facts) {
  Ailments out;
  each_link(facts, [&](const Patient& patient, const HostLink& link) {
    const auto carried = carried_by(facts, link.name);
    const auto six = std::find_if(carried.begin(), carried.end(),
                                  [](const auto& one) { return one.address.family() == Family::ipv6; });
    if (!link.forgets_ipv6 || six == carried.end()) return;
    // With slashes a name may have dots.
    out.push_back({link.name + " carries " + six->to_string() + " of " + patient.name +
                       ", and keep_addr_on_down is not 1",
                   {"sysctl -w net/ipv6/conf/" + shell_word(link.name) + "/keep_addr_on_down=1"}});
  });
  return out;
}

Ailments shared_segment(const NetworkFacts& facts) {
  Ailments out;
  each_address(facts, [&](const Patient& patient, const Advertisement& what) {
    const auto* link = link_of(facts, what.interface.view());
    if (link == nullptr || !is_shared(*link)) return;
    out.push_back({patient.name + ": " + what.to_string() +
                   " is on a segment that others share: leave \"interface\" out, then it stands on lo"});
  });
  return out;
}

// Of IPv4 alone; who asks for an IPv6 address is answered by the interface that has it.
Ailments arp(const NetworkFacts& facts, const char* name, std::optional<int> HostLink::*setting, int wanted) {
  Ailments out;
  for (const auto& link : facts.links) {
    if (!is_shared(link) || (link.*setting).value_or(wanted) >= wanted) continue;
    std::string address;
    each_address(facts, [&](const Patient&, const Advertisement& what) {
      if (what.prefix.address.family() != Family::ipv4 || what.interface.view() == link.name) return;
      // Others are asked for by nobody there: hosts of the segment send what is for them to a router.
      const bool within = std::any_of(facts.addresses.begin(), facts.addresses.end(), [&](const auto& own) {
        return own.interface == link.name && !own.ours && own.prefix.overlaps(what.prefix);
      });
      if (within && address.empty()) address = what.to_string();
    });
    if (address.empty()) continue;
    out.push_back({std::string(name) + " is " + std::to_string(*(link.*setting)) + " on " + link.name +
                       ", a segment that others share, and there is " + address +
                       ", which lies in the subnet of that segment",
                   {std::string("sysctl -w net.ipv4.conf.all.") + name + "=" + std::to_string(wanted)}});
  }
  return out;
}

Ailments arp_ignore(const NetworkFacts& facts) {
  return arp(facts, "arp_ignore", &HostLink::arp_ignore, 1);
}

Ailments arp_announce(const NetworkFacts& facts) {
  return arp(facts, "arp_announce", &HostLink::arp_announce, 2);
}

Ailments rp_filter(const NetworkFacts& facts) {
  std::vector<const HostLink*> ways;
  for (const auto& link : facts.links) {
    const bool addressed = std::any_of(facts.addresses.begin(), facts.addresses.end(), [&](const auto& own) {
      return own.interface == link.name && !own.ours && own.prefix.address.family() == Family::ipv4;
    });
    if (link.up && !link.loopback && link.vrf.empty() && addressed) ways.push_back(&link);
  }
  Ailments out;
  if (ways.size() < 2) return out;  // what comes in by the only way goes out by it
  for (const auto* link : ways) {
    if (link->rp_filter != 1) continue;
    out.push_back({"rp_filter is strict on " + link->name + ", and the host has " +
                       std::to_string(ways.size()) + " interfaces with IPv4",
                   {"sysctl -w net.ipv4.conf.all.rp_filter=2"}});
  }
  return out;
}

Ailments ipv6_linger(const NetworkFacts& facts) {
  if (facts.ipv6_lingers) return {};
  std::string first;
  each_address(facts, [&](const Patient& patient, const Advertisement& what) {
    if (first.empty() && patient.linger > Duration::zero() && what.prefix.address.family() == Family::ipv6)
      first = patient.name + " lingers with " + what.to_string();
  });
  if (first.empty()) return {};
  return {{first + ", and net.ipv6.ip_nonlocal_bind is 0", {"sysctl -w net.ipv6.ip_nonlocal_bind=1"}}};
}

bool is_any(const IpAddress& ip) {
  return std::all_of(ip.bytes().begin(), ip.bytes().end(), [](auto octet) { return octet == 0; });
}

bool serves(const BoundSocket& socket, const IpAddress& ip) {
  const auto& bound = socket.address.ip;
  if (bound.family() == ip.family()) return bound == ip || is_any(bound);
  return ip.family() == Family::ipv4 && is_any(bound) && socket.takes_ipv4;
}

// An address of a subnet that is announced as a whole is served somehow, or it is not known which.
bool serves(const BoundSocket& socket, const Prefix& prefix) {
  if (prefix.is_host()) return serves(socket, prefix.address);
  return serves(socket, prefix.network()) ||
         Prefix{prefix.network(), prefix.length}.contains(socket.address.ip);
}

bool is_here(const NetworkFacts& facts, const IpAddress& ip) {
  return ip.is_loopback() || std::any_of(facts.addresses.begin(), facts.addresses.end(),
                                         [&](const auto& own) { return own.prefix.address == ip; });
}

using Port = std::pair<Protocol, std::uint16_t>;

bool is_at(const ListedSocket& socket, const Port& port) {
  return socket.protocol == port.first && socket.bound.address.port == port.second;
}

// The ports of this host that are asked for a service, and the addresses that they are open on.
template <typename Take>
void each_port(const NetworkFacts& facts, Take take) {
  if (!facts.sockets) return;
  for (const auto& patient : facts.patients) {
    std::set<Port> ports;
    for (const auto& endpoint : patient.asks) {
      if (endpoint.protocol != Protocol::local && is_here(facts, endpoint.address.ip))
        ports.emplace(endpoint.protocol, endpoint.address.port);
    }
    for (const auto& port : ports) {
      std::set<std::string> open;
      for (const auto& one : *facts.sockets) {
        if (is_at(one, port)) open.insert(one.bound.address.ip.to_string());
      }
      take(patient, port, open);
    }
  }
}

std::string name_of(const Port& port) {
  return (port.first == Protocol::tcp ? "TCP port " : "UDP port ") + std::to_string(port.second);
}

Ailments service_down(const NetworkFacts& facts) {
  Ailments out;
  each_port(facts, [&](const Patient& patient, const Port& port, const std::set<std::string>& open) {
    if (open.empty()) out.push_back({patient.name + ": nothing has " + name_of(port) + " open"});
  });
  return out;
}

Ailments not_listening(const NetworkFacts& facts) {
  Ailments out;
  each_port(facts, [&](const Patient& patient, const Port& port, const std::set<std::string>& open) {
    for (const auto& what : patient.advertise) {
      if (what.kind != Kind::address || open.empty()) continue;
      if (std::any_of(facts.sockets->begin(), facts.sockets->end(),
                      [&](const auto& one) { return is_at(one, port) && serves(one.bound, what.prefix); }))
        continue;
      out.push_back({patient.name + ": nothing has " + name_of(port) + " open on " + what.prefix.to_string() +
                     ", but " + *open.begin() + " has: let the service listen on any address"});
    }
  });
  return out;
}

Ailments in_vrf(const NetworkFacts& facts) {
  std::set<std::string> seen;
  Ailments out;
  for (const auto& patient : facts.patients) {
    for (const auto& what : patient.advertise) {
      const auto* link = link_of(facts, what.interface.view());
      if (link == nullptr || link->vrf.empty() || !seen.insert(link->name).second) continue;
      Ailment one{link->name + " is in the VRF " + link->vrf + ", and has " + what.to_string() + " of " +
                  patient.name};
      if (link->name != link->vrf) one.mend = {"ip link set dev " + shell_word(link->name) + " nomaster"};
      out.push_back(std::move(one));
    }
  }
  return out;
}

Ailments foreign(const NetworkFacts& facts) {
  Ailments out;
  each_address(facts, [&](const Patient& patient, const Advertisement& what) {
    for (const auto& seen : facts.addresses) {
      if (seen.ours || seen.prefix != what.prefix || seen.interface != what.interface.view()) continue;
      out.push_back(
          {patient.name + ": " + what.to_string() + " is there already, without anyprobe's mark",
           {"ip address delete " + seen.prefix.to_string() + " dev " + shell_word(seen.interface)}});
    }
  });
  return out;
}

constexpr Check<NetworkFacts> kChecks[] = {
    {{"interface-missing", Gravity::warning, "an interface that is not there",
      "what is to be announced by it waits until it comes"},
     missing_interface},
    {{"interface-down", Gravity::blocking, "an interface that is down",
      "neither the kernel nor FRR takes what is on it for connected: the service is up, and nobody hears of "
      "it"},
     interface_down},
    {{"link-needed", Gravity::blocking, "a link that the host cannot be without",
      "anyprobe refuses to set it down, so it is never withdrawn"},
     link_needed},
    {{"link-empty", Gravity::warning, "a link without an address",
      "what FRR announces of a link are its addresses"},
     link_empty},
    {{"link-forgets", Gravity::warning, "a link that loses its IPv6 addresses",
      "the kernel removes them when the link is withdrawn, and nobody puts them there again when the service "
      "is back"},
     link_forgets},
    {{"foreign-address", Gravity::blocking, "a service address that somebody else has put there",
      "it stays announced when the service is down, and anyprobe refuses to start (but for --adopt): it "
      "never "
      "changes what it did not make"},
     foreign},
    {{"service-down", Gravity::warning, "a service that does not run",
      "nothing of it is announced until it does"},
     service_down},
    {{"not-listening", Gravity::blocking, "a service that does not listen on its service address",
      "the network brings clients here who are refused, while the probe, which asks another address, is "
      "content"},
     not_listening},
    {{"vrf", Gravity::warning, "an interface that is in a VRF",
      "its addresses are in the table of the VRF, and `router ospf` of the default VRF announces none of "
      "them"},
     in_vrf},
    {{"shared-segment", Gravity::warning, "a service address on a segment that others share",
      "each node of the segment that has the address answers for it, and clients there talk now to one and "
      "now to another, whatever OSPF says"},
     shared_segment},
    {{"arp-ignore", Gravity::warning, "a service address in the subnet of a shared segment, and arp_ignore",
      "the host answers ARP on that segment for any address that it has: whoever asks there gets this node, "
      "whatever OSPF says (ARP flux)"},
     arp_ignore},
    {{"arp-announce", Gravity::warning,
      "a service address in the subnet of a shared segment, and arp_announce",
      "the host may ask ARP questions with the service address as its own, and whoever hears it sends what "
      "is "
      "for the service to this node (ARP flux)"},
     arp_announce},
    {{"rp-filter", Gravity::warning, "several ways to the network, and rp_filter",
      "what clients send may come in by another interface than the answer leaves by, and is dropped in "
      "silence"},
     rp_filter},
    {{"ipv6-linger", Gravity::warning, "IPv6 addresses that linger, and ip_nonlocal_bind",
      "a service that answers UDP from a wildcard socket cannot answer from an address that no interface "
      "has: "
      "what comes while it lingers is lost"},
     ipv6_linger},
};

}  // namespace

std::span<const Check<NetworkFacts>> network_checks() {
  return kChecks;
}

std::vector<Patient> patients_by_prefix(const NetworkFacts& facts) {
  auto out = facts.patients;
  for (auto& patient : out) {
    std::vector<Advertisement> by_prefix;
    for (const auto& what : patient.advertise) {
      if (what.kind != Kind::link) {
        by_prefix.push_back(what);
        continue;
      }
      for (const auto& prefix : carried_by(facts, what.interface.view()))
        by_prefix.push_back({prefix, what.interface});
    }
    patient.advertise = std::move(by_prefix);
  }
  return out;
}

}  // namespace anyprobe
