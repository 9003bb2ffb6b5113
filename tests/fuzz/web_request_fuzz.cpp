// What a request says of where it comes from, and where the configuration has it answered: three lines, where
// it listens, the Host and the Origin.
#include <cstdint>
#include <string>

#include "core/web_address.hpp"

namespace {

using namespace anyprobe;

std::string take_line(std::string& text) {
  const auto end = text.find('\n');
  auto out = text.substr(0, end);
  text.erase(0, end == std::string::npos ? end : end + 1);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  const auto where = WebAddress::parse(take_line(text));
  const auto host = take_line(text);
  if (where && WebAddress::parse(where->to_string()).value() != *where) __builtin_trap();
  if (where && !where->is_path() && !where->at.ip.is_loopback()) __builtin_trap();
  const auto listening = where ? *where : WebAddress{{}, "/run/metrics.sock"};
  if (names_this_host(host, listening)) {
    // Nothing that a browser would look up by name but one, which is always this host.
    const auto odd = host.find_first_not_of("0123456789.:[]abcdefABCDEFlocalhostLOCALHOST");
    if (odd != std::string::npos || host.empty()) __builtin_trap();
  }
  if (is_own_origin(text, host) && (host.empty() || text.size() != host.size() + 7)) __builtin_trap();
  return 0;
}
