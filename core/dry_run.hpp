// --dry-run: a prober alone, in one process and without privilege. What would be changed in the kernel is
// logged.
#pragma once

#include "background.hpp"
#include "command_line.hpp"
#include "plugin_table.hpp"

namespace anyprobe {

// Returns the exit code.
int run_dry(const CommandLine& line, PluginTable& plugins, Background& background);

}  // namespace anyprobe
