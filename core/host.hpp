// A host as users write it: an address, or a name that is looked up when it is to be asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "address.hpp"
#include "outcome.hpp"

namespace anyprobe {

struct Host {
  std::string name;                  // empty where it is an address
  std::optional<IpAddress> address;  // set where it is one
  std::uint16_t port = 0;

  // What SocketAddress::parse takes, or "ns.example.org", "ns.example.org:53" (RFC 952, RFC 1123 section 2.1,
  // and underscores).
  static Outcome<Host> parse(std::string_view text, std::uint16_t default_port);
  [[nodiscard]] std::string to_string() const;  // always with the port
};

}  // namespace anyprobe
