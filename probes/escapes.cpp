#include "probes/escapes.hpp"

#include <charconv>

#include "core/text.hpp"

namespace anyprobe {
namespace {

// The octet that `escape`, which begins behind a backslash, stands for, and how long it is; 0: for none.
std::size_t read_escape(std::string_view escape, char& octet) {
  constexpr std::string_view kLetters = "rnt\\";
  constexpr std::string_view kOctets = "\r\n\t\\";
  if (escape.empty()) return 0;
  if (const auto which = kLetters.find(escape.front()); which != std::string_view::npos) {
    octet = kOctets[which];
    return 1;
  }
  constexpr std::size_t kHexLength = 3;
  escape = escape.substr(0, kHexLength);
  unsigned char value = 0;
  const char* const end = escape.data() + escape.size();
  if (escape.front() != 'x' || escape.size() != kHexLength) return 0;
  const auto read = std::from_chars(escape.data() + 1, end, value, 16);
  if (read.ec != std::errc{} || read.ptr != end) return 0;
  octet = static_cast<char>(value);
  return kHexLength;
}

}  // namespace

Outcome<std::string> unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto plain = text.substr(0, text.find('\\'));
    out += plain;
    text.remove_prefix(plain.size());
    if (text.empty()) break;
    char octet = 0;
    const auto length = read_escape(text.substr(1), octet);
    if (length == 0) {
      return Error{in_quotes(text.substr(0, 4)) + R"( begins with no escape (\r, \n, \t, \\ or \xHH))"};
    }
    out += octet;
    text.remove_prefix(1 + length);
  }
  return out;
}

}  // namespace anyprobe
