// A service of the configuration that another prober asks.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "advertisement.hpp"

namespace anyprobe {

struct ServiceElsewhere {
  std::string name;
  std::vector<Advertisement> advertise;  // with the token of its drains, which is the last
  bool has_token = false;
  std::size_t first = 0;  // where in the configuration its advertisements begin

  friend bool operator==(const ServiceElsewhere&, const ServiceElsewhere&) = default;
};

}  // namespace anyprobe
