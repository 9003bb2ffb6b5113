// Whatever comes in on the port, and however a stream of it is cut: only tokens are found, each where it is,
// and the octets of the input decide nothing else.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "probes/syslog_message.hpp"

using namespace anyprobe;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

bool is_token(const std::string& token) {
  return token.size() == kSyslogTokenLength && token.starts_with("anyprobe-") &&
         token.find_first_not_of("0123456789abcdef", 9) == std::string::npos;
}

std::vector<std::string> found_in(std::string_view text, std::size_t step) {
  std::vector<std::string> out;
  SyslogTokens tokens;
  for (std::size_t at = 0; at < text.size(); at += step) {
    tokens.take(text.substr(at, step), [&](const std::string& token) { out.push_back(token); });
  }
  return out;
}

const std::string kOurs = "anyprobe-00000000000000000000000000000000";

const std::vector<std::string>& our_lines() {
  static const auto lines = [] {
    SyslogLine line;
    line.text = "test " + kOurs;
    return std::vector{framed_by_newline(encode_rfc3164(line)), framed_by_count(encode_rfc5424(line))};
  }();
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);

  const auto whole = found_in(text, std::max<std::size_t>(text.size(), 1));
  for (const auto& token : whole) {
    demand(is_token(token));
    demand(text.find(token) != std::string_view::npos);
  }
  // Cut into few pieces: many are slow to try, and show no more.
  const auto cut = [data](std::string_view all) { return all.size() / (data[0] % 16U + 1) + 1; };
  demand(found_in(text, cut(text)) == whole);

  // Ours is found in the middle of it all, and behind it, in each form and framing.
  for (const auto& said : our_lines()) {
    auto mixed = std::string(text);
    mixed.insert(mixed.size() / 2, said);
    mixed += said;
    const auto found = found_in(mixed, cut(mixed));
    demand(std::count(found.begin(), found.end(), kOurs) >= 2);
  }
  return 0;
}
