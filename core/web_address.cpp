#include "web_address.hpp"

#include <sys/un.h>

#include <algorithm>
#include <charconv>

#include "text.hpp"

namespace anyprobe {
namespace {

constexpr std::string_view kScheme = "http://";

char small(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return small(x) == small(y); });
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  return read.ec == std::errc{} && read.ptr == end && port != 0;
}

// The host without its port; empty where it is neither.
std::string_view without_port(std::string_view host) {
  const auto end = host.starts_with('[') ? host.find(']') : std::string_view::npos;
  const auto colon = host.find(':', end == std::string_view::npos ? 0 : end);
  if (colon == std::string_view::npos) return host;
  return is_port(host.substr(colon + 1)) ? host.substr(0, colon) : std::string_view();
}

}  // namespace

Outcome<WebAddress> WebAddress::parse(std::string_view text) {
  WebAddress out;
  if (text.starts_with('/')) {
    if (text.size() >= sizeof(sockaddr_un::sun_path))
      return Error{in_quotes(text) + " is too long for a socket's name"};
    if (text.ends_with('/') || text.find('\0') != std::string_view::npos)
      return Error{in_quotes(text) + " is no path of a socket"};
    out.path = text;
    return out;
  }
  const auto at = SocketAddress::parse(text, 0);
  if (!at || at->port == 0)
    return Error{in_quotes(text) +
                 " is neither an address with a port nor an absolute path (try 127.0.0.1:9477)"};
  if (!at->ip.is_loopback())
    return Error{in_quotes(text) +
                 " is no loopback address: whoever asks is asked for no password (try 127.0.0.1:9477)"};
  out.at = *at;
  return out;
}

bool names_this_host(std::string_view host, const WebAddress& listening) {
  const auto name = without_port(host);
  if (same_letters(name, "localhost") || name == "127.0.0.1" || name == "[::1]") return true;
  return !listening.is_path() && name == without_port(listening.at.to_string());
}

bool is_own_origin(std::string_view origin, std::string_view host) {
  return origin.size() > kScheme.size() && same_letters(origin.substr(0, kScheme.size()), kScheme) &&
         same_letters(origin.substr(kScheme.size()), host);
}

}  // namespace anyprobe
