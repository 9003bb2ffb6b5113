// Durations as configurations and command lines write them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "outcome.hpp"

namespace anyprobe {

// "250ms", "1s", "2m", "1h".
Outcome<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::milliseconds duration);

}  // namespace anyprobe
