// The running configuration of ospfd, ospf6d or zebra, as `show running-config` tells it: what of it decides
// whether a prefix is announced. Written by FRR 8.4.4. What is not known here is passed over.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/address.hpp"

namespace anyprobe {

struct PrefixListEntry {
  std::uint32_t sequence = 0;
  bool permit = false;
  bool any = false;  // then no prefix
  Prefix prefix = {};
  std::optional<std::uint8_t> ge = {};
  std::optional<std::uint8_t> le = {};
};

struct AccessListEntry {
  bool permit = false;
  bool any = false;
  Prefix prefix = {};
  bool exact = false;
  std::optional<std::uint32_t> wildcard = {};  // of Cisco's style: the bits that do not count
};

struct RouteMapEntry {
  std::uint32_t order = 0;
  bool permit = false;
  std::vector<std::vector<std::string>> matches = {};  // "ip address prefix-list NAME" as words
  std::string call = {};                               // another map, which must permit it too
  bool goes_on = false;                                // on-match next, goto, continue
};

struct Redistribution {
  std::string source;     // "connected", "kernel", "table 100"
  std::string route_map;  // empty: all of it
};

// One external LSA in place of those of the prefixes within it.
struct ExternalSummary {
  Prefix prefix;
  bool announced = true;  // else none at all
};

struct OspfArea {
  bool stub = false;
  bool nssa = false;
};

struct OspfInterface {
  std::string area;  // "0.0.0.0"; empty: by a `network` line, or not at all
  bool passive = false;
};

using ListName = std::pair<Family, std::string>;

struct RunningConfig {
  std::map<ListName, std::vector<PrefixListEntry>> prefix_lists = {};  // by sequence
  std::map<ListName, std::vector<AccessListEntry>> access_lists = {};
  std::map<std::string, std::vector<RouteMapEntry>> route_maps = {};  // by order

  bool runs = false;  // there is a `router ospf` or `router ospf6` of the default VRF
  std::set<std::string> vrfs = {};
  std::vector<Redistribution> redistributes = {};
  std::map<std::string, std::string> distribute_lists = {};  // source to access list, `out`
  std::vector<ExternalSummary> summaries = {};
  std::map<std::string, OspfArea> areas = {};   // those that something is said of
  std::map<Prefix, std::string> networks = {};  // to the area
  std::map<std::string, OspfInterface> interfaces = {};
  std::uint32_t min_arrival_ms = 1000;  // MinLSArrival, RFC 2328 appendix B
  bool graceful = false;                // restarts gracefully itself
  bool helps = false;                   // helps a neighbour that does, in any way

  // Of zebra: "ospf" to the route map that decides which routes of that source it takes.
  std::map<std::pair<Family, std::string>, std::string> protocol_filters = {};
};

[[nodiscard]] RunningConfig parse_running_config(std::string_view text);

}  // namespace anyprobe
