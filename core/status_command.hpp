// `anyprobe status`.
#pragma once

#include "command_line.hpp"

namespace anyprobe {

// Returns the exit code: kDone where all that was asked for could be told; with --nagios, a plugin's.
int run_status(const CommandLine& line);

}  // namespace anyprobe
