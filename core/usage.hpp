// The words of --help that stand before the flags.
#pragma once

#include <string>

#include "command_line.hpp"
#include "plugin_table.hpp"

namespace anyprobe {

// `anyprobe --help`: all of it.
std::string usage();
// Of the command, or of the probe, that the line is for.
std::string usage_of(const CommandLine& line, const PluginTable& plugins);

}  // namespace anyprobe
