#include "text.hpp"

#include <algorithm>

namespace anyprobe {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kShown = 80;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kShown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
    } else if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else {
      out += c;
    }
  }
  return out + (text.size() > kShown ? "...\"" : "\"");
}

std::string first_line(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  text = text.substr(0, text.find('\n'));
  const auto begin = std::min(text.find_first_not_of(" \t\r"), text.size());
  const auto end = text.find_last_not_of(" \t\r");
  text = text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin);
  std::string out(text.substr(0, kLongest));
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return out + (text.size() > kLongest ? "..." : "");
}

}  // namespace anyprobe
