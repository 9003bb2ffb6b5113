// `anyprobe withdraw --all`.
#pragma once

#include "command_line.hpp"

namespace anyprobe {

// Clears what no running instance of the run-dir holds, and what was not handed over to a next run. Returns
// the exit code.
int run_withdraw(const CommandLine& line);

}  // namespace anyprobe
