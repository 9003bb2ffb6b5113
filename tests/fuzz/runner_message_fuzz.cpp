// What a prober that was taken over may send to the runner; and the keeper's table of commands.
#include <cstdint>
#include <string>

#include "core/runner_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  const std::string packet(reinterpret_cast<const char*>(data), size);
  if (const auto message = decode_runner_message(packet)) {
    if (encode(*message) != packet) __builtin_trap();
    if (message->type == RunnerMessageType::hook && !is_slug(message->text)) __builtin_trap();
    if (message->type == RunnerMessageType::finished) {
      if (encode(finished_message(message->id, result_of(*message))).substr(6) != packet.substr(6))
        __builtin_trap();
      (void)result_of(*message).to_string();
    }
  }
  if (const auto table = unpack_table(packet)) {
    if (pack_table(*table) != packet) __builtin_trap();
    for (const auto& command : table->commands) {
      if (command.words.empty() || command.words.front().empty()) __builtin_trap();
    }
  }
  return 0;
}
