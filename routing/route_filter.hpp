// Whether FRR lets a prefix through: its prefix lists, access lists and route maps, evaluated as FRR does.
// Pure.
#pragma once

#include <optional>
#include <string>

#include "running_config.hpp"

namespace anyprobe {

// What a filter is asked about: an address or a route of the kernel.
struct FilteredRoute {
  Prefix prefix;
  std::string interface;  // empty: of none
};

struct FilterVerdict {
  enum class Is : std::uint8_t { passes, drops, unknown };
  Is is = Is::passes;
  std::string why = {};  // where it does not pass: "route-map anycast: nothing permits it"
  // Of what drops it:
  std::string route_map = {};
  // The prefix list that the last permitting entry asked, where it was that which did not match.
  std::string prefix_list = {};
  std::uint32_t sequence = 0;  // of the line in it that denies; 0: none, it is the end of the list
  std::uint32_t order = 0;     // of the entry of the route map that denies; 0: none, it is the end of the map
  std::string distribute_list = {};
  std::optional<Prefix> summary = {};
};

[[nodiscard]] FilterVerdict judge_prefix_list(const RunningConfig& config, const std::string& name,
                                              const Prefix& prefix);
[[nodiscard]] bool access_list_permits(const RunningConfig& config, const std::string& name,
                                       const Prefix& prefix);
[[nodiscard]] FilterVerdict judge_route_map(const RunningConfig& config, const std::string& name,
                                            const FilteredRoute& route);

}  // namespace anyprobe
