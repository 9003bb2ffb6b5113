// Wires a daemon together: keeper, prober and runner, or a prober alone where nothing is to be changed.
#pragma once

#include "command_line.hpp"
#include "plugin_table.hpp"

namespace anyprobe {

// The keeper of `anyprobe run` or NAME-probe (with --dry-run: the prober, alone). Returns the exit code; in
// the background, that of the start.
int run_daemon(const CommandLine& line, PluginTable& plugins);

// Whether this process was started by a keeper to be its prober.
bool is_prober();
int run_prober(const CommandLine& line, PluginTable& plugins);

// Whether this process was started by a keeper to be its runner.
bool is_runner();
int run_runner(const CommandLine& line);

}  // namespace anyprobe
