// What a prober that was taken over may send to the keeper.
#include <cstdint>
#include <string>

#include "routing/keeper_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  const std::string packet(reinterpret_cast<const char*>(data), size);
  const auto message = decode(packet);
  if (message) {
    if (encode(*message) != packet) __builtin_trap();
    for (const std::size_t expected : {0U, 1U, 9U, 1000U}) (void)unpack_flags(message->body, expected);
    for (const auto& line : unpack_refusal(message->body).lines) {
      if (line.size() > 1000 || line.find('\n') != std::string::npos) __builtin_trap();
    }
  }
  (void)unpack_files(packet);
  return 0;
}
