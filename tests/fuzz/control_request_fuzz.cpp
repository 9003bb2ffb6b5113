// What somebody who may open the control socket may send to the prober.
#include <cstdint>
#include <string>

#include "core/control_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  const std::string line(reinterpret_cast<const char*>(data), size);
  const auto request = parse_control_request(line);
  if (request) {
    if (encode(*request) != line + '\n') __builtin_trap();
    if (line.size() >= kLongestRequest || line.find('\n') != std::string::npos) __builtin_trap();
  } else if (request.error().size() > 400 || request.error().find('\n') != std::string::npos) {
    __builtin_trap();
  }
  return 0;
}
