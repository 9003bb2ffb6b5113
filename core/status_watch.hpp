// `anyprobe status --watch`.
#pragma once

#include "command_line.hpp"

namespace anyprobe {

// Until it is ended by a key or a signal; returns the exit code. Where standard output is no terminal, the
// table is printed each time, without a command to one.
int watch_status(const CommandLine& line);

// Whether what goes to standard output may have colours: NO_COLOR (no-color.org) and TERM=dumb say no.
[[nodiscard]] bool may_colour();

}  // namespace anyprobe
