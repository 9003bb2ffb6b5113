// The commands of `anyprobe`: one table for the command line, --help and the shells' completions.
#pragma once

#include <span>
#include <string_view>

#include "command_line.hpp"

namespace anyprobe {

struct CommandWords {
  const char* name;
  Command command;
  const char* arguments;   // as --help shows them
  const char* help;        // one line
  const char* positional;  // what those arguments are: services, types, or nothing
};

// In the order in which people want them.
std::span<const CommandWords> command_words();
const CommandWords* find_command(std::string_view name);  // or nothing

}  // namespace anyprobe
