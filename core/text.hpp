// How text from outside is shown on one line.
#pragma once

#include <string>
#include <string_view>

namespace anyprobe {

// In quotation marks, with what is not printable escaped, cut short.
std::string in_quotes(std::string_view text);

// The first line, what is not printable shown as ?, without space at its ends, cut short.
std::string first_line(std::string_view text);

}  // namespace anyprobe
