// The flags of `anyprobe status`.
#pragma once

#include <string>
#include <vector>

#include "command_line.hpp"

namespace anyprobe {

// They refer to `line`.
std::vector<Flag> status_flags(CommandLine& line);
// Of what was taken together: what is wrong, or empty.
std::string wrong_with_status(const CommandLine& line);

}  // namespace anyprobe
