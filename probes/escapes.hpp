// Octets written as text in the configuration.
#pragma once

#include <string>
#include <string_view>

#include "core/outcome.hpp"

namespace anyprobe {

// "\r", "\n", "\t", "\\" and "\xHH" become the octet they stand for; any other backslash is an error.
Outcome<std::string> unescape(std::string_view text);

}  // namespace anyprobe
