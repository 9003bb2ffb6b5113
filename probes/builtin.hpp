// The probes that are part of the program.
#pragma once

#include <span>

#include "core/plugin_table.hpp"
#include "core/probe.hpp"

namespace anyprobe {

std::span<const ProbePlugin* const> builtin_probes();
// Those that would be, had this build the library that they need.
std::span<const AbsentProbe> absent_probes();

// Lets the libraries of all the probes load now what their own configuration names: who calls it is about to
// give up loading code, and may have the first probe that needs them later.
void prepare_libraries() noexcept;

}  // namespace anyprobe
