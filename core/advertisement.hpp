// What a service announces while it is up.
#pragma once

#include <compare>
#include <string>

#include "address.hpp"

namespace anyprobe {

// A service address on an interface of this host; FRR redistributes it as connected.
struct Advertisement {
  Prefix prefix;
  std::string interface = "lo";

  [[nodiscard]] std::string to_string() const { return prefix.to_string() + " on " + interface; }
  friend auto operator<=>(const Advertisement&, const Advertisement&) = default;
};

enum class AdvertisementState : std::uint8_t {
  withdrawn,
  announced,
  foreign,  // an address of the same number is there that lacks our mark: never touched
};

}  // namespace anyprobe
