// The commands that run no daemon.
#pragma once

#include <optional>

#include "command_line.hpp"
#include "plugin_table.hpp"

namespace anyprobe {

// Each returns the exit code.
int run_check(const CommandLine& line, PluginTable& plugins);
int run_validate(const CommandLine& line, PluginTable& plugins);
int run_probes(const CommandLine& line, PluginTable& plugins);
int run_schema(const CommandLine& line, PluginTable& plugins);

// Judges the configuration that the command line asks for, and makes its probes; none where there are errors.
std::optional<Config> load_configuration(const CommandLine& line, EventLoop& loop, PluginTable& plugins,
                                         ConfigErrors& errors, CommandRunner* commands = nullptr);

// Each line to standard error, after the program's name; returns kUsage or kConfiguration.
int refuse(const CommandLine& line, const ConfigErrors& errors);

}  // namespace anyprobe
