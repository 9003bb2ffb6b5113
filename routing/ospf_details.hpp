// More of what ospfd and ospf6d tell: how their interfaces are set, and who has two ways of the same cost to
// one prefix. Pure readers; see link_state.hpp.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

struct OspfPort {
  std::uint32_t retransmit = 5;  // seconds (RxmtInterval, RFC 2328 appendix C.3)
  bool passive = false;
};

// `show ip ospf interface json`, `show ipv6 ospf6 interface json`: those where OSPF is spoken.
Outcome<std::map<std::string, OspfPort>> read_ospf_ports(std::string_view json);
Outcome<std::map<std::string, OspfPort>> read_ospf6_ports(std::string_view json);

// A router that reaches a prefix by this node and by another at one cost.
struct EqualPaths {
  Prefix prefix;
  IpAddress router;
  IpAddress other;  // the other node's router id
};
// `routers`: `show ip ospf database router json`; `externals`: `show ip ospf database external PREFIX json`.
// Ways within an area, between routers that are joined point to point or by a network with a designated
// router.
Outcome<std::vector<EqualPaths>> find_equal_paths(std::string_view routers, std::string_view externals,
                                                  const Prefix& prefix);

}  // namespace anyprobe
