// The probes that are part of the program.
#pragma once

#include <span>

#include "core/plugin_table.hpp"
#include "core/probe.hpp"

namespace anyprobe {

std::span<const ProbePlugin* const> builtin_probes();
// Those that would be, had this build the library that they need.
std::span<const AbsentProbe> absent_probes();

}  // namespace anyprobe
