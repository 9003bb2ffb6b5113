// The objects beside the services: log, frr, metrics, agent. Part of the reading of the configuration.
#pragma once

#include "config.hpp"
#include "config_reader.hpp"

namespace anyprobe {

// Each of `top` that is there goes into `config`; what is wrong with one is told by its reader.
void read_sections(const ConfigReader& top, Config& config);

}  // namespace anyprobe
