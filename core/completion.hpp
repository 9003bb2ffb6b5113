// Completions for shells, made from the commands and flags as they are declared.
#pragma once

#include <string>

#include "plugin_table.hpp"

namespace anyprobe {

// `shell`: bash, zsh or fish. `form`: what stands around the lists, with their names between @.
std::string completion_for(const std::string& shell, const std::string& form, const PluginTable& plugins);

}  // namespace anyprobe
