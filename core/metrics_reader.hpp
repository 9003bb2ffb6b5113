// "metrics" of the configuration.
#pragma once

#include <optional>

#include "web_address.hpp"

namespace anyprobe {

class ConfigReader;

// Nothing where something is wrong, which goes to the reader's errors: also where this build cannot answer.
std::optional<WebAddress> read_metrics(const ConfigReader& metrics);

}  // namespace anyprobe
