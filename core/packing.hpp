// Numbers and texts in the messages between our processes. Both ends are one binary on one host, so numbers
// are in its own order.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace anyprobe {

inline void put_number(std::string& out, std::uint32_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  out.append(bytes, sizeof bytes);
}

// With its length before it.
inline void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

// Each takes from the front of `in`; false where there is too little.
inline bool take_number(std::string_view& in, std::uint32_t& number) {
  if (in.size() < sizeof number) return false;
  std::memcpy(&number, in.data(), sizeof number);
  in.remove_prefix(sizeof number);
  return true;
}

inline bool take_text(std::string_view& in, std::string& text) {
  std::uint32_t size = 0;
  if (!take_number(in, size) || in.size() < size) return false;
  text = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

}  // namespace anyprobe
