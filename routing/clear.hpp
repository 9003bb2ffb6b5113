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

enum class ClearWhat : unsigned char {
  marked,  // every address and route that carries our mark, and the links of `left`, which carry none
  left,    // nothing that is not in `left`
};

// Removes addresses and routes and sets links down, but for what is `spared`. What cannot be read is a
// failure.
[[nodiscard]] ClearResult clear_table(RouteTable& table, const std::vector<Advertisement>& left,
                                      const std::vector<Advertisement>& spared,
                                      ClearWhat what = ClearWhat::marked);

}  // namespace anyprobe
