// Probes that ask for something that other nodes depend on too (Tally): how they are configured, and what is
// said of them.
#pragma once

#include <string>
#include <vector>

#include "config_reader.hpp"
#include "health.hpp"

namespace anyprobe {

// For each probe of "probes", or for the one of "probe", whether it is shared. What is wrong is an error.
std::vector<bool> read_shared(const ConfigReader& probes, bool several);

// An event of a service whose shared probes fail, or do so no more.
void log_shared(const std::string& service, const HealthEvent& event);

}  // namespace anyprobe
