// The lines for vtysh that the doctor tells. Pure.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "core/advertisement.hpp"
#include "route_filter.hpp"

namespace anyprobe {

[[nodiscard]] const char* daemon_name(Family family);
// By what FRR calls it: "connected", "kernel", "table 100".
[[nodiscard]] std::string source_of(const Advertisement& what);
// "192.0.2.1/32, 192.0.2.2/32 and 3 more"
[[nodiscard]] std::string prefixes_text(const std::vector<Prefix>& prefixes);

// One line of a shell that gives these commands in configuration mode. `vtysh`: as it is to be started.
[[nodiscard]] std::string vtysh_line(const std::string& vtysh, const std::vector<std::string>& commands);

// Lets these out and nothing else.
[[nodiscard]] std::string mend_by_redistribution(const std::string& vtysh, Family family,
                                                 const std::string& source,
                                                 const std::vector<Prefix>& prefixes);
// Lets them through what dropped them for one reason, and changes nothing for others.
[[nodiscard]] std::vector<std::string> mend_filter(const std::string& vtysh, const RunningConfig& config,
                                                   const FilterVerdict& verdict, const std::string& source,
                                                   const std::vector<Prefix>& prefixes);

}  // namespace anyprobe
