// What a configuration of FRR or Quagga lets out, as far as it names prefixes. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/starting_point.hpp"

namespace anyprobe {

// What prefix-lists and access-lists permit, and what `network` of an OSPF takes in; of several files or
// daemons one after the other, each prefix once. Lines that are none of these are passed over, and those that
// cannot be read too: nothing is decided by what is found here.
std::vector<FilteredPrefix> read_frr_filters(std::string_view text);

}  // namespace anyprobe
