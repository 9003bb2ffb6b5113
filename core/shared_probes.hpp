// How it is configured that probes ask for something that other nodes depend on too (Tally).
#pragma once

#include <vector>

namespace anyprobe {

class ConfigReader;

// For each probe of "probes", or for the one of "probe", whether it is shared. What is wrong is an error.
std::vector<bool> read_shared(const ConfigReader& probes, bool several);

}  // namespace anyprobe
