#include "web_server.hpp"

namespace anyprobe {

std::string server_sent_event(std::string_view name, std::string_view data) {
  std::string out = "event: " + std::string(name) + '\n';
  for (;;) {
    const auto end = data.find('\n');
    out += "data: " + std::string(data.substr(0, end)) + '\n';
    if (end == std::string_view::npos) return out += '\n';
    data.remove_prefix(end + 1);
  }
}

}  // namespace anyprobe
