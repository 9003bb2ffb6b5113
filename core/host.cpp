#include "host.hpp"

#include <algorithm>
#include <charconv>

#include "text.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;

bool is_label(std::string_view label) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !label.empty() && label.size() <= kLongestLabel && label.front() != '-' && label.back() != '-' &&
         label.find_first_not_of(kLetters) == std::string_view::npos;
}

bool is_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kLongestName) return false;
  // All digits and dots is an address gone wrong, not a name.
  if (name.find_first_not_of("0123456789.") == std::string_view::npos) return false;
  for (;;) {
    const auto dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, port);
  if (read.ec != std::errc{} || read.ptr != end || port == 0) return std::nullopt;
  return port;
}

}  // namespace

Outcome<Host> Host::parse(std::string_view text, std::uint16_t default_port) {
  const auto literal = SocketAddress::parse(text, default_port);
  if (literal) return Host{{}, literal->ip, literal->port};
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  const auto port =
      colon == std::string_view::npos ? std::optional(default_port) : parse_port(text.substr(colon + 1));
  if (is_name(name) && port) return Host{std::string(name), std::nullopt, *port};
  return Error{in_quotes(text) +
               " is neither an address nor a name, with a port or without (try 127.0.0.1, [::1]:53 or "
               "ns.example.org)"};
}

std::string Host::to_string() const {
  return address ? SocketAddress{*address, port}.to_string() : name + ":" + std::to_string(port);
}

}  // namespace anyprobe
