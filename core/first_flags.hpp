// The flags of the commands that a first node begins with: frr-config and init.
#pragma once

#include <vector>

#include "command_line.hpp"

namespace anyprobe {

// Puts those of line.command into `flags`; they refer to `line`.
void first_flags(CommandLine& line, std::vector<Flag>& flags);

}  // namespace anyprobe
