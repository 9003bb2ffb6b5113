// What a prober that was taken over may say to whoever asks for its status.
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "core/control_message.hpp"
#include "core/status.hpp"
#include "core/status_table.hpp"
#include "core/watch_screen.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  const std::string octets(reinterpret_cast<const char*>(data), size);
  std::string_view rest = octets;
  ReplyReader reader;
  while (!rest.empty() && reader.state() == ReplyReader::State::wants_more) {
    // In two pieces, cut where the first octet says.
    auto piece = rest.substr(0, 1 + static_cast<unsigned char>(octets.front()) % rest.size());
    rest.remove_prefix(piece.size());
    if (reader.take(piece) == ReplyReader::State::wants_more && !piece.empty()) __builtin_trap();
  }
  if (reader.state() != ReplyReader::State::whole) return 0;
  const auto reply = reader.next();
  if (reply.body.size() > size) __builtin_trap();
  const auto status = read_status(reply.body);
  if (!status) return 0;
  const std::vector told{*status};
  const auto again = read_status(status_json(told, false));
  if (!again || !(*again == *status)) __builtin_trap();
  std::istringstream table(status_table(told, WallTime(std::chrono::hours(500'000))));
  for (std::string line; std::getline(table, line);) {
    if (line.size() > 80) __builtin_trap();
    for (const char c : line) {
      if (c < ' ' || c > '~') __builtin_trap();
    }
  }
  for (const auto& line :
       watch_screen({told, {}}, WallTime(std::chrono::hours(500'000)), {}, 0, false).lines) {
    if (line.size() > 80) __builtin_trap();
    for (const char c : line) {
      if (c < ' ' || c > '~') __builtin_trap();
    }
  }
  return 0;
}
