#include "probes/socks_message.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace anyprobe {
namespace {

constexpr std::size_t kSocks4Head = 8;  // version, command, port, address
constexpr std::uint8_t kVersion5 = 5;
constexpr std::uint8_t kVersion4 = 4;
constexpr std::uint8_t kLoginVersion = 1;
constexpr std::uint8_t kIpv4 = 1;
constexpr std::uint8_t kName = 3;
constexpr std::uint8_t kIpv6 = 4;

using Octets = std::vector<std::uint8_t>;

void append(Octets& out, std::string_view text) {
  out.insert(out.end(), text.begin(), text.end());
}

void append_counted(Octets& out, std::string_view text) {
  text = text.substr(0, kSocksLongest);
  out.push_back(static_cast<std::uint8_t>(text.size()));
  append(out, text);
}

void append_port(Octets& out, std::uint16_t port) {
  out.push_back(static_cast<std::uint8_t>(port >> 8U));
  out.push_back(static_cast<std::uint8_t>(port & 0xffU));
}

void append_host(Octets& out, const Host& to) {
  if (to.address) {
    out.push_back(to.address->family() == Family::ipv4 ? kIpv4 : kIpv6);
    const auto bytes = to.address->bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  } else {
    out.push_back(kName);
    append_counted(out, to.name);
  }
  append_port(out, to.port);
}

template <typename T>
SocksRead<T> malformed(std::string why) {
  return {SocksRead<T>::State::malformed, {}, 0, std::move(why)};
}

template <typename T>
SocksRead<T> whole(T value, std::size_t length) {
  return {SocksRead<T>::State::whole, std::move(value), length, {}};
}

std::uint16_t port_at(SocksOctets octets) {
  return static_cast<std::uint16_t>(octets[0] << 8U | octets[1]);
}

// Some proxies tell an IPv4 address as one of IPv6 (RFC 4291 section 2.5.5.2).
IpAddress unmapped(const IpAddress& ip) {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const auto bytes = ip.bytes();
  if (ip.family() == Family::ipv4 || !std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) return ip;
  return IpAddress::from_bytes(Family::ipv4, bytes.data() + kMapped.size());
}

// The type of an address, the address and its port.
SocksRead<Host> read_host(SocksOctets octets) {
  if (octets.empty()) return {};
  std::size_t at = 1;
  std::size_t size = 0;
  switch (octets[0]) {
    case kIpv4:
      size = 4;
      break;
    case kIpv6:
      size = 16;
      break;
    case kName:
      if (octets.size() < 2) return {};
      size = octets[1];
      at = 2;
      break;
    default:
      return malformed<Host>("address type " + std::to_string(octets[0]) + " is none of SOCKS5's");
  }
  if (octets.size() < at + size + 2) return {};
  Host host;
  host.port = port_at(octets.subspan(at + size));
  if (octets[0] == kName) {
    host.name.assign(octets.begin() + static_cast<std::ptrdiff_t>(at),
                     octets.begin() + static_cast<std::ptrdiff_t>(at + size));
  } else {
    host.address =
        unmapped(IpAddress::from_bytes(octets[0] == kIpv4 ? Family::ipv4 : Family::ipv6, octets.data() + at));
  }
  return whole(std::move(host), at + size + 2);
}

// Two octets: a version that must be this one, and what is told.
SocksRead<std::uint8_t> read_pair(SocksOctets octets, std::uint8_t version, const char* what) {
  if (octets.empty()) return {};
  if (octets[0] != version) {
    return malformed<std::uint8_t>(std::string(what) + " begins with " + std::to_string(octets[0]) +
                                   ", not with " + std::to_string(version));
  }
  if (octets.size() < 2) return {};
  return whole(std::uint8_t{octets[1]}, 2);
}

}  // namespace

IpAddress unspecified(Family family) {
  constexpr std::array<std::uint8_t, 16> kZeros{};
  return IpAddress::from_bytes(family, kZeros.data());
}

std::vector<std::uint8_t> socks5_greeting(std::uint8_t method) {
  return {kVersion5, 1, method};
}

std::vector<std::uint8_t> socks5_login(std::string_view username, std::string_view password) {
  Octets out{kLoginVersion};
  append_counted(out, username);
  append_counted(out, password);
  return out;
}

std::vector<std::uint8_t> socks5_request(SocksCommand command, const Host& to) {
  Octets out{kVersion5, static_cast<std::uint8_t>(command), 0};
  append_host(out, to);
  return out;
}

std::vector<std::uint8_t> socks4a_connect(const Host& to, std::string_view user) {
  std::array<std::uint8_t, 4> address{0, 0, 0, 1};  // no address can be 0.0.0.x: a name follows
  if (to.address) std::copy_n(to.address->bytes().begin(), address.size(), address.begin());
  Octets out;
  out.reserve(kSocks4Head + user.size() + to.name.size() + 2);
  out.push_back(kVersion4);
  out.push_back(static_cast<std::uint8_t>(SocksCommand::connect));
  append_port(out, to.port);
  for (const auto octet : address) out.push_back(octet);
  append(out, user);
  out.push_back(0);
  if (!to.address) {
    append(out, to.name);
    out.push_back(0);
  }
  return out;
}

std::vector<std::uint8_t> socks_datagram(const Host& to, SocksOctets payload) {
  Octets out{0, 0, 0};
  append_host(out, to);
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

SocksRead<std::uint8_t> read_socks5_method(SocksOctets octets) {
  return read_pair(octets, kVersion5, "the choice of a method");
}

SocksRead<std::uint8_t> read_socks5_login(SocksOctets octets) {
  return read_pair(octets, kLoginVersion, "the answer to the login");
}

SocksRead<SocksReply> read_socks5_reply(SocksOctets octets) {
  const auto head = read_pair(octets, kVersion5, "the reply");
  if (head.state == SocksRead<std::uint8_t>::State::malformed) return malformed<SocksReply>(head.why);
  if (octets.size() < 4) return {};
  auto bound = read_host(octets.subspan(3));
  // What did not succeed binds nothing, and some proxies fill in nothing then.
  if (bound.state == SocksRead<Host>::State::malformed && head.value != kSocks5Succeeded) {
    return whole(SocksReply{head.value, {}}, 4);
  }
  if (bound.state == SocksRead<Host>::State::malformed)
    return malformed<SocksReply>("the reply: " + bound.why);
  if (bound.state == SocksRead<Host>::State::partial) return {};
  return whole(SocksReply{head.value, std::move(bound.value)}, 3 + bound.length);
}

SocksRead<SocksReply> read_socks4_reply(SocksOctets octets) {
  constexpr std::size_t kLength = 8;
  const auto head = read_pair(octets, 0, "the reply");
  if (head.state == SocksRead<std::uint8_t>::State::malformed) return malformed<SocksReply>(head.why);
  if (octets.size() < kLength) return {};
  Host bound;
  bound.port = port_at(octets.subspan(2));
  bound.address = IpAddress::from_bytes(Family::ipv4, octets.data() + 4);
  return whole(SocksReply{head.value, std::move(bound)}, kLength);
}

SocksRead<SocksDatagram> read_socks_datagram(SocksOctets octets) {
  if (octets.size() < 3) return {};
  if (octets[0] != 0 || octets[1] != 0) return malformed<SocksDatagram>("the reserved octets are not 0");
  auto from = read_host(octets.subspan(3));
  if (from.state == SocksRead<Host>::State::malformed) return malformed<SocksDatagram>(from.why);
  if (from.state == SocksRead<Host>::State::partial) return {};
  const auto header = 3 + from.length;
  return whole(SocksDatagram{octets[2], std::move(from.value), octets.subspan(header)}, octets.size());
}

std::string socks5_reply_text(std::uint8_t code) {
  static constexpr std::array kWords = {"succeeded",
                                        "general SOCKS server failure",
                                        "connection not allowed by ruleset",
                                        "network unreachable",
                                        "host unreachable",
                                        "connection refused",
                                        "TTL expired",
                                        "command not supported",
                                        "address type not supported"};
  return std::string(code < kWords.size() ? kWords[code] : "unassigned reply") + " (" + std::to_string(code) +
         ")";
}

std::string socks4_reply_text(std::uint8_t code) {
  static constexpr std::array kWords = {"request granted", "request rejected or failed",
                                        "request rejected: no identd to be reached",
                                        "request rejected: identd reports another user"};
  const bool known = code >= kSocks4Granted && code < kSocks4Granted + kWords.size();
  return std::string(known ? kWords[static_cast<std::size_t>(code - kSocks4Granted)] : "unassigned reply") +
         " (" + std::to_string(code) + ")";
}

}  // namespace anyprobe
