// What a routing daemon must be told so that it announces what is configured, and nothing else. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/advertisement.hpp"

namespace anyprobe {

enum class RoutingStyle : std::uint8_t {
  frr,     // to be put into a frr.conf, or loaded by vtysh -f
  quagga,  // a section for the file of each daemon
  bird,    // BIRD 2: to be included by bird.conf
};

// The same text for the same set, in whatever order. What is loaded again changes nothing: entries have no
// numbers, since a daemon takes the number of one entry away if another comes with it.
std::string announcement_config(std::span<const Advertisement> wanted, RoutingStyle style);

// Those that no routing daemon announces by such a configuration: routes of other tables than the main one.
std::vector<Advertisement> not_announced(std::span<const Advertisement> wanted);

}  // namespace anyprobe
