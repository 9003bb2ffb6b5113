// From the commands of the configuration to what a process needs.
#pragma once

#include <vector>

#include "child.hpp"
#include "outcome.hpp"

namespace anyprobe {

struct PreparedCommand {
  CommandSpec spec;
  Outcome<CommandOrder> order;  // or why it cannot be run
};

// As root each runs as its user, otherwise as whoever this is. Users and their groups are looked up here,
// once, and not at each start: that may take its time.
std::vector<PreparedCommand> prepare_commands(std::vector<CommandSpec> commands);

}  // namespace anyprobe
