// Addresses, prefixes and endpoints as plain values, parsed from and printed as text.
#pragma once

#include <endian.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "outcome.hpp"

namespace anyprobe {

enum class Family : std::uint8_t { ipv4, ipv6 };

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0

  // "192.0.2.1", "2001:db8::1"; no zone, no port.
  static Outcome<IpAddress> parse(std::string_view text);
  // 4 or 16 octets in network order, as `family` says.
  static IpAddress from_bytes(Family family, const void* bytes);

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] int socket_family() const { return family_ == Family::ipv4 ? AF_INET : AF_INET6; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size()}; }
  [[nodiscard]] std::uint8_t bits() const { return family_ == Family::ipv4 ? 32 : 128; }
  [[nodiscard]] bool is_loopback() const;  // 127.0.0.0/8 or ::1
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  // By family, then as numbers. Maps of thousands of them live on this, so it takes no octet on its own.
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
    if (const auto families = a.family_ <=> b.family_; families != 0) return families;
    const auto upper = half(a, 0) <=> half(b, 0);
    return upper != 0 ? upper : half(a, 8) <=> half(b, 8);
  }

 private:
  static std::uint64_t half(const IpAddress& ip, std::size_t from) {
    std::uint64_t out = 0;
    std::memcpy(&out, ip.bytes_.data() + from, sizeof out);
    return be64toh(out);
  }
  [[nodiscard]] std::size_t size() const { return family_ == Family::ipv4 ? 4 : 16; }

  Family family_ = Family::ipv4;
  std::array<std::uint8_t, 16> bytes_{};
};

struct Prefix {
  IpAddress address;  // host bits are kept: 192.0.2.1/24 is an address on a subnet
  std::uint8_t length = 32;

  // "192.0.2.0/24"; without a length it is the host's own (/32 or /128).
  static Outcome<Prefix> parse(std::string_view text);

  [[nodiscard]] IpAddress network() const;  // the address without its host bits
  [[nodiscard]] bool contains(const IpAddress& other) const;
  [[nodiscard]] bool overlaps(const Prefix& other) const;
  [[nodiscard]] bool is_host() const { return length == address.bits(); }
  [[nodiscard]] std::string to_string() const;

  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

// An address and a port.
struct SocketAddress {
  IpAddress ip;
  std::uint16_t port = 0;

  // "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353".
  static Outcome<SocketAddress> parse(std::string_view text, std::uint16_t default_port);
  static SocketAddress from_sockaddr(const sockaddr* address);

  // Fills `out`, returns the length that goes with it.
  socklen_t to_sockaddr(sockaddr_storage& out) const;
  [[nodiscard]] std::string to_string() const;  // always with the port

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

}  // namespace anyprobe
