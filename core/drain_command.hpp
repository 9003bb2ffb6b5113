// `anyprobe drain` and `anyprobe resume`.
#pragma once

#include "command_line.hpp"

namespace anyprobe {

int run_drain(const CommandLine& line);

}  // namespace anyprobe
