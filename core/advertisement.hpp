// What a service announces while it is up.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "address.hpp"
#include "interface_name.hpp"

namespace anyprobe {

inline constexpr std::uint32_t kMainTable = 254;  // RT_TABLE_MAIN

// The metric that the kernel gives a route where none is said (IP6_RT_PRIO_USER in IPv6).
[[nodiscard]] constexpr std::uint32_t default_metric(Family family) {
  return family == Family::ipv4 ? 0 : 1024;
}

// One of three:
//  - address: `prefix` on the interface; FRR redistributes it as connected
//  - route: to `prefix` through the interface, if one is named, and by `via`, if there is one; redistributed
//    as kernel
//  - link: the interface as a whole, up or down with all the addresses that it carries
struct Advertisement {
  enum class Kind : std::uint8_t { address, route, link };

  Prefix prefix;  // of a link: nothing; of a route: no host bits
  InterfaceName interface = "lo";
  Kind kind = Kind::address;
  // Of a route:
  std::optional<IpAddress> via = {};
  std::uint32_t table = kMainTable;
  std::uint32_t metric = 0;  // as the kernel has it, so never 0 in IPv6

  static Advertisement link(const InterfaceName& interface);

  // "192.0.2.1/32 on lo", "192.0.2.153/32 dev bond0", "link dummy0". What is as usual is not said.
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const Advertisement&, const Advertisement&) = default;
};

// "192.0.2.0/24 via 198.51.100.1 dev eth0 table 100 metric 20"
std::string route_text(const Prefix& prefix, const std::optional<IpAddress>& via, const std::string& device,
                       std::uint32_t table, std::uint32_t metric);

// What is asked of the kernel.
enum class Wish : std::uint8_t {
  withdraw,
  hold,      // nothing is known of the service yet: what is there stays until its lease is over
  announce,  // and its lease is renewed
  linger,    // nobody is told of it any more, but the host goes on answering for it a while: addresses alone
};

enum class AdvertisementState : std::uint8_t {
  withdrawn,
  announced,
  foreign,    // not ours to touch: the same is there without our mark, or the host needs the link as it is
  lingering,  // withdrawn, and the host still answers for it
};

}  // namespace anyprobe
