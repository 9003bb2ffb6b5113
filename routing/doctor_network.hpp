// What the doctor looks at of the kernel's network: interfaces, addresses, sockets and their settings.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/doctor.hpp"
#include "socket_diag.hpp"

namespace anyprobe {

struct HostLink {
  std::string name;
  bool up = true;
  bool loopback = false;
  bool asks_by_arp = true;  // a shared segment: broadcast, without NOARP
  std::string vrf = {};     // that it is in, or that it is itself
  // As they count, which is the larger of this interface's and that of "all"; none where it cannot be told.
  std::optional<int> arp_ignore = {};
  std::optional<int> arp_announce = {};
  std::optional<int> rp_filter = {};
  bool forgets_ipv6 = false;  // set down, it loses its IPv6 addresses
  std::string needed = {};    // why it must not be set down; empty where it may
};

struct HostAddress {
  Prefix prefix;
  std::string interface;
  bool ours = false;  // carries our mark
};

struct ListedSocket {
  Protocol protocol = Protocol::udp;
  BoundSocket bound;
};

struct NetworkFacts {
  std::vector<Patient> patients = {};
  std::vector<HostLink> links = {};
  std::vector<HostAddress> addresses = {};
  std::optional<std::vector<ListedSocket>> sockets = {};  // none: they cannot be told
  bool ipv6_lingers = true;
};

[[nodiscard]] std::span<const Check<NetworkFacts>> network_checks();

// The patients as FRR sees them: in place of each link the networks of the addresses that it carries.
[[nodiscard]] std::vector<Patient> patients_by_prefix(const NetworkFacts& facts);

// Of the network namespace of the calling thread; needs no privilege. `patients` is left as it is. What
// cannot be told goes to `unseen`.
void look_at_network(NetworkFacts& facts, std::vector<std::string>& unseen);

}  // namespace anyprobe
