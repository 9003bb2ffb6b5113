#include "closed_socket.hpp"

#include <algorithm>

namespace anyprobe {

bool took_any(const ClosedSocket& closed) {
  const auto bytes = closed.at.ip.bytes();
  return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t octet) { return octet == 0; });
}

bool may_have_answered(const ClosedSocket& closed, const Endpoint& endpoint) {
  if (closed.protocol != endpoint.protocol || closed.at.port != endpoint.address.port) return false;
  if (closed.at.ip == endpoint.address.ip) return true;
  const bool same_family = closed.at.ip.family() == endpoint.address.ip.family();
  return took_any(closed) && (same_family || closed.at.ip.family() == Family::ipv6);
}

}  // namespace anyprobe
