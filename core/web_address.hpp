// Where the web server listens, and which requests are meant for it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "address.hpp"
#include "outcome.hpp"

namespace anyprobe {

// "127.0.0.1:9477", "[::1]:9477", or the path of a Unix socket.
struct WebAddress {
  SocketAddress at;
  std::string path;  // where it is not empty, `at` means nothing

  // Only loopback addresses are taken, with a port, and absolute paths.
  static Outcome<WebAddress> parse(std::string_view text);
  [[nodiscard]] bool is_path() const { return !path.empty(); }
  [[nodiscard]] std::string to_string() const { return is_path() ? path : at.to_string(); }

  friend bool operator==(const WebAddress&, const WebAddress&) = default;
};

// Whether the value of a Host header (RFC 9110, section 7.2) names this host, whatever the port, which a
// tunnel changes. A name of somebody else's that leads here (DNS rebinding) does not.
bool names_this_host(std::string_view host, const WebAddress& listening);

// Whether an Origin header (RFC 6454, section 7) is that of a page from the host it asks.
bool is_own_origin(std::string_view origin, std::string_view host);

}  // namespace anyprobe
