// Whom a name server's question goes to, and what came of it. Knows nothing of what an answer means.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/address.hpp"

namespace anyprobe {

struct DnsTarget {
  SocketAddress server;
  bool tcp = false;
  std::optional<IpAddress> source;
  std::string device;

  friend auto operator<=>(const DnsTarget&, const DnsTarget&) = default;
};

// What an exchange came to: a reply, or what kept it from coming.
struct DnsOutcome {
  std::span<const std::uint8_t> reply{};  // valid during the call

  const char* call = nullptr;  // "connect": what failed; null where there is a reply
  int error = 0;               // errno; 0: the server closed the connection
  bool local = false;          // it failed on this host, before anything could have come back
};

}  // namespace anyprobe
