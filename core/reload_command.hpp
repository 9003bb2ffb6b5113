// `anyprobe reload`.
#pragma once

#include "command_line.hpp"

namespace anyprobe {

// Has the instance of --name read its configuration again and waits until that is judged. Returns the exit
// code: 78 where it was refused.
int run_reload(const CommandLine& line);

}  // namespace anyprobe
