// Which services a prober asks.
#pragma once

#include <cstdint>

namespace anyprobe {

enum class ProberPart : std::uint8_t {
  built_in,  // those whose probes are all part of the program
  modules,   // those with a probe from a user's module, whose code runs in a process of its own
  whole,     // all: where there is only one process
};

}  // namespace anyprobe
