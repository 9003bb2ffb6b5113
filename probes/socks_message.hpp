// The octets of SOCKS5 (RFC 1928, RFC 1929) and SOCKS4a ("SOCKS: A protocol for TCP proxy across firewalls"
// and its extension by names). Pure: what is read comes from octets that nobody vouches for, in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/host.hpp"

namespace anyprobe {

using SocksOctets = std::span<const std::uint8_t>;

IpAddress unspecified(Family family);  // all zeros

enum class SocksCommand : std::uint8_t { connect = 1, udp_associate = 3 };

namespace socks_method {
inline constexpr std::uint8_t kNone = 0;
inline constexpr std::uint8_t kPassword = 2;
inline constexpr std::uint8_t kNoneAcceptable = 0xff;
}  // namespace socks_method

// User names, passwords and names of hosts may be as long as one octet can say.
inline constexpr std::size_t kSocksLongest = 255;

std::vector<std::uint8_t> socks5_greeting(std::uint8_t method);
// Both of 1 to kSocksLongest octets.
std::vector<std::uint8_t> socks5_login(std::string_view username, std::string_view password);
// The host goes as its address where it has one, else as its name.
std::vector<std::uint8_t> socks5_request(SocksCommand command, const Host& to);
// An IPv4 address, or a name. `user` has no NUL in it and may be empty.
std::vector<std::uint8_t> socks4a_connect(const Host& to, std::string_view user);
// RFC 1928 section 7, not a fragment.
std::vector<std::uint8_t> socks_datagram(const Host& to, SocksOctets payload);

// What was read from the octets that have come so far.
template <typename T>
struct SocksRead {
  enum class State : std::uint8_t { whole, partial, malformed };
  State state = State::partial;
  T value{};
  std::size_t length = 0;  // octets it took, where whole
  std::string why;         // where malformed: one printable line
};

// A code that says whether, and which address the proxy bound (SOCKS5; a name is left out).
struct SocksReply {
  std::uint8_t code = 0;
  Host bound;
};

SocksRead<std::uint8_t> read_socks5_method(SocksOctets octets);
SocksRead<std::uint8_t> read_socks5_login(SocksOctets octets);  // the status; 0 is success
SocksRead<SocksReply> read_socks5_reply(SocksOctets octets);    // code 0 is success
SocksRead<SocksReply> read_socks4_reply(SocksOctets octets);    // code 90 is success

// A datagram from the relay: whom it is from, and what was said.
struct SocksDatagram {
  std::uint8_t fragment = 0;  // 0: it stands alone
  Host from;
  SocksOctets payload;  // of the octets that were read
};
SocksRead<SocksDatagram> read_socks_datagram(SocksOctets octets);

inline constexpr std::uint8_t kSocks5Succeeded = 0;
inline constexpr std::uint8_t kSocks5NotAllowed = 2;
inline constexpr std::uint8_t kSocks4Granted = 90;
inline constexpr std::uint8_t kSocks4Rejected = 91;

// In words, with the number: "connection not allowed by ruleset (2)".
std::string socks5_reply_text(std::uint8_t code);
std::string socks4_reply_text(std::uint8_t code);

}  // namespace anyprobe
