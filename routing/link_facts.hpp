// What the host needs an interface for, so that it must not be set down, and what it would lose. Read from
// /proc, of the network namespace of the calling thread.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace anyprobe {

// The interfaces that have joined AllSPFRouters (224.0.0.5, RFC 2328 section A.1; ff02::5, RFC 5340 section
// A.1): OSPF is spoken on them. Passive interfaces have not. Takes the texts of /proc/net/igmp and igmp6.
std::set<std::string> interfaces_of_ospf(std::string_view igmp, std::string_view igmp6);
std::set<std::string> interfaces_of_ospf();

// Empty where it may be set down; else why not: "OSPF is spoken on it".
std::string why_needed(const std::string& name, bool loopback, bool carries_default_route,
                       const std::set<std::string>& speaking);

// Whether an interface that is set down loses the IPv6 addresses it has (keep_addr_on_down, ip-sysctl). False
// where it has no IPv6.
bool forgets_ipv6_addresses(const std::string& name);

// Whether a service on a wildcard socket may answer from an IPv6 address that no interface has
// (ip_nonlocal_bind, ip-sysctl).
bool ipv6_may_linger();

}  // namespace anyprobe
