// `anyprobe doctor`.
#pragma once

#include "command_line.hpp"
#include "plugin_table.hpp"

namespace anyprobe {

// Returns the exit code: 0 nothing or remarks, kWarning, kCritical, or kSystem where it cannot tell.
int run_doctor(const CommandLine& line, PluginTable& plugins);

}  // namespace anyprobe
