// The probes that are part of the program.
#pragma once

#include <span>

#include "core/probe.hpp"

namespace anyprobe {

std::span<const ProbePlugin* const> builtin_probes();

}  // namespace anyprobe
