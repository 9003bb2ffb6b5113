// Files that others read while they are written.
#pragma once

#include <string>
#include <string_view>

namespace anyprobe {

// Puts a file of this text, mode 0644, in the place of what is at the path: whoever opens it finds the one or
// the other, whole. It is written beside it first, as PATH.new. Empty, or what failed, with the path.
[[nodiscard]] std::string replace_file(const std::string& path, std::string_view text);

}  // namespace anyprobe
