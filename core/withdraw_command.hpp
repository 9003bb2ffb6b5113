// `anyprobe withdraw --all`, and --name for one instance.
#pragma once

#include "command_line.hpp"

namespace anyprobe {

// Clears what no running instance of the run-dir holds, and what was not handed over to a next run; with
// --name what that instance left, and nothing else. Returns the exit code.
int run_withdraw(const CommandLine& line);

}  // namespace anyprobe
