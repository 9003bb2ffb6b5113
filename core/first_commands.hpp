// The commands that a first node begins with, beside those of check.hpp: they see the routing daemon too.
#pragma once

#include "command_line.hpp"
#include "plugin_table.hpp"

namespace anyprobe {

// Each returns the exit code.
int run_frr_config(const CommandLine& line, PluginTable& plugins);
int run_init(const CommandLine& line, const PluginTable& plugins);

}  // namespace anyprobe
