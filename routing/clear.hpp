// Takes away what any run left with our mark, without a daemon: for `anyprobe withdraw`.
#pragma once

#include <string>
#include <vector>

#include "core/advertisement.hpp"
#include "route_table.hpp"

namespace anyprobe {

struct ClearResult {
  std::vector<std::string> done;    // "remove 192.0.2.1/32 from lo"
  std::vector<std::string> failed;  // with the reason
};

// Removes every address and route that carries our mark, and sets `links` down (which carry none), but for
// what is `spared`. What cannot be read is a failure.
[[nodiscard]] ClearResult clear_table(RouteTable& table, const std::vector<Advertisement>& links,
                                      const std::vector<Advertisement>& spared);

}  // namespace anyprobe
