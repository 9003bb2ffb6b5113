#include "address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "text.hpp"

namespace anyprobe {
namespace {

template <typename T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

bool same_leading_bits(const IpAddress& a, const IpAddress& b, unsigned bits) {
  const auto left = a.bytes();
  const auto right = b.bytes();
  const unsigned whole = bits / 8;
  if (!std::equal(left.begin(), left.begin() + whole, right.begin())) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff00U >> rest);
  return ((left[whole] ^ right[whole]) & mask) == 0;
}

}  // namespace

Outcome<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  if (copy.size() == text.size() && copy.find('\0') == std::string::npos) {
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1) return from_bytes(Family::ipv4, bytes.data());
    if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return from_bytes(Family::ipv6, bytes.data());
  }
  return Error{in_quotes(text) + " is no IP address"};
}

IpAddress IpAddress::from_bytes(Family family, const void* bytes) {
  IpAddress out;
  out.family_ = family;
  std::memcpy(out.bytes_.data(), bytes, out.size());
  return out;
}

bool IpAddress::is_loopback() const {
  if (family_ == Family::ipv4) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.begin() + 15, [](std::uint8_t b) { return b == 0; }) &&
         bytes_[15] == 1;
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(socket_family(), bytes_.data(), text, sizeof text);
  return text;
}

Outcome<Prefix> Prefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return Error{in_quotes(text) + " is no prefix (try 192.0.2.1/32 or 2001:db8::1/128)"};
  Prefix out{*address, address->bits()};
  if (slash == std::string_view::npos) return out;
  unsigned length = 0;
  if (!parse_number(text.substr(slash + 1), length)) {
    return Error{in_quotes(text) + " is no prefix: what follows the slash is no number"};
  }
  if (length > address->bits()) {
    return Error{
        in_quotes(text) + " is no prefix: an " +
        (address->family() == Family::ipv4 ? "IPv4 address ends at /32" : "IPv6 address ends at /128")};
  }
  out.length = static_cast<std::uint8_t>(length);
  return out;
}

IpAddress Prefix::network() const {
  std::array<std::uint8_t, 16> masked{};
  const auto from = address.bytes();
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto bits = std::clamp<int>(length - static_cast<int>(i) * 8, 0, 8);
    masked[i] = static_cast<std::uint8_t>(from[i] & (0xff00U >> bits));
  }
  return IpAddress::from_bytes(address.family(), masked.data());
}

bool Prefix::contains(const IpAddress& other) const {
  return address.family() == other.family() && same_leading_bits(address, other, length);
}

bool Prefix::overlaps(const Prefix& other) const {
  return address.family() == other.address.family() &&
         same_leading_bits(address, other.address, std::min(length, other.length));
}

std::string Prefix::to_string() const {
  return address.to_string() + "/" + std::to_string(length);
}

Outcome<SocketAddress> SocketAddress::parse(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return Error{in_quotes(text) + " lacks the closing ]"};
    host = text.substr(1, close - 1);
    const auto rest = text.substr(close + 1);
    has_port = rest.starts_with(':');
    if (!has_port && !rest.empty()) return Error{in_quotes(text) + " is no address and port (try [::1]:53)"};
    if (has_port) port = rest.substr(1);
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  const auto ip = IpAddress::parse(host);
  if (!ip)
    return Error{in_quotes(text) + " is no IP address, nor one with a port (try 127.0.0.1 or [::1]:53)"};
  SocketAddress out{*ip, default_port};
  if (has_port && (!parse_number(port, out.port) || out.port == 0)) {
    return Error{in_quotes(text) + " has no port from 1 to 65535"};
  }
  return out;
}

SocketAddress SocketAddress::from_sockaddr(const sockaddr* address) {
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, address, sizeof in6);
    return {IpAddress::from_bytes(Family::ipv6, &in6.sin6_addr), ntohs(in6.sin6_port)};
  }
  sockaddr_in in4{};
  std::memcpy(&in4, address, sizeof in4);
  return {IpAddress::from_bytes(Family::ipv4, &in4.sin_addr), ntohs(in4.sin_port)};
}

socklen_t SocketAddress::to_sockaddr(sockaddr_storage& out) const {
  out = {};
  if (ip.family() == Family::ipv4) {
    sockaddr_in in4{};
    in4.sin_family = AF_INET;
    in4.sin_port = htons(port);
    std::memcpy(&in4.sin_addr, ip.bytes().data(), 4);
    std::memcpy(&out, &in4, sizeof in4);
    return sizeof in4;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  std::memcpy(&in6.sin6_addr, ip.bytes().data(), 16);
  std::memcpy(&out, &in6, sizeof in6);
  return sizeof in6;
}

std::string SocketAddress::to_string() const {
  const auto number = ":" + std::to_string(port);
  return ip.family() == Family::ipv4 ? ip.to_string() + number : "[" + ip.to_string() + "]" + number;
}

}  // namespace anyprobe
