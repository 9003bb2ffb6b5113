// The octets of SOCKS, as RFC 1928, RFC 1929 and the texts of SOCKS4 and SOCKS4a lay them out.
#include "probes/socks_message.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;

namespace {

using Octets = std::vector<std::uint8_t>;
using State = SocksRead<std::uint8_t>::State;

Host host(const std::string& text) {
  return *Host::parse(text, 0);
}

Octets joined(const Octets& head, std::string_view text, const Octets& tail) {
  Octets out = head;
  out.insert(out.end(), text.begin(), text.end());
  out.insert(out.end(), tail.begin(), tail.end());
  return out;
}

// What is whole is partial at each length before its end, and is not changed by what follows.
template <typename Read>
auto whole(Read read, Octets octets) {
  for (std::size_t length = 0; length < octets.size(); ++length) {
    CAPTURE(length);
    CHECK(read(SocksOctets(octets).first(length)).state == decltype(read(octets))::State::partial);
  }
  const auto size = octets.size();
  octets.push_back(0xee);
  const auto out = read(octets);
  CHECK(out.state == decltype(read(octets))::State::whole);
  CHECK(out.length == size);
  return out.value;
}

}  // namespace

TEST_CASE("RFC 1928 section 3: the methods that are offered, and the choice") {
  CHECK(socks5_greeting(socks_method::kNone) == Octets{5, 1, 0});
  CHECK(socks5_greeting(socks_method::kPassword) == Octets{5, 1, 2});
  CHECK(whole(read_socks5_method, {5, 0}) == 0);
  CHECK(whole(read_socks5_method, {5, 0xff}) == socks_method::kNoneAcceptable);
  const Octets http{'H'};  // known by its first octet
  CHECK(read_socks5_method(http).state == State::malformed);
  CHECK(read_socks5_method(http).why == "the choice of a method begins with 72, not with 5");
}

TEST_CASE("RFC 1929 section 2: the login") {
  CHECK(socks5_login("fred", "secret") == joined({1, 4}, "fred", joined({6}, "secret", {})));
  CHECK(socks5_login(std::string(255, 'u'), std::string(255, 'p')).size() == 3 + 510);
  CHECK(whole(read_socks5_login, {1, 0}) == 0);
  CHECK(whole(read_socks5_login, {1, 7}) == 7);
  CHECK(read_socks5_login(Octets{5, 0}).state == State::malformed);
}

TEST_CASE("RFC 1928 section 4: requests, by each type of address") {
  CHECK(socks5_request(SocksCommand::connect, host("198.51.100.80:80")) ==
        Octets{5, 1, 0, 1, 198, 51, 100, 80, 0, 80});
  CHECK(socks5_request(SocksCommand::udp_associate, Host{{}, IpAddress(), 0}) ==
        Octets{5, 3, 0, 1, 0, 0, 0, 0, 0, 0});
  CHECK(socks5_request(SocksCommand::connect, host("[2001:db8::1]:443")) ==
        Octets{5, 1, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 187});
  CHECK(socks5_request(SocksCommand::connect, host("www.example.org:443")) ==
        joined({5, 1, 0, 3, 15}, "www.example.org", {1, 187}));
}

TEST_CASE("RFC 1928 section 6: replies, by each type of address") {
  auto reply = whole(read_socks5_reply, {5, 0, 0, 1, 192, 0, 2, 7, 0x81, 0xfc});
  CHECK(reply.code == 0);
  CHECK(reply.bound.to_string() == "192.0.2.7:33276");
  reply =
      whole(read_socks5_reply, {5, 5, 0, 4, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1});
  CHECK(reply.code == 5);
  CHECK(reply.bound.to_string() == "[2001:db8::1]:1");
  reply = whole(read_socks5_reply, joined({5, 0, 0, 3, 2}, "ab", {4, 56}));
  CHECK(reply.bound.name == "ab");
  CHECK(reply.bound.port == 1080);
  CHECK(read_socks5_reply(Octets{4}).why == "the reply begins with 4, not with 5");
  CHECK(read_socks5_reply(Octets{5, 0, 0, 2}).why == "the reply: address type 2 is none of SOCKS5's");
  // Of what has failed, the address is nobody's concern.
  CHECK(whole(read_socks5_reply, {5, 1, 0, 0}).code == 1);
}

TEST_CASE("SOCKS4 and SOCKS4a: the request and its reply") {
  CHECK(socks4a_connect(host("192.0.2.1:80"), "fred") == joined({4, 1, 0, 80, 192, 0, 2, 1}, "fred", {0}));
  CHECK(socks4a_connect(host("www.example.org:80"), "fred") ==
        joined({4, 1, 0, 80, 0, 0, 0, 1}, "fred", joined({0}, "www.example.org", {0})));
  CHECK(socks4a_connect(host("192.0.2.1:80"), "") == Octets{4, 1, 0, 80, 192, 0, 2, 1, 0});
  const auto reply = whole(read_socks4_reply, {0, 90, 0, 80, 192, 0, 2, 1});
  CHECK(reply.code == kSocks4Granted);
  CHECK(reply.bound.to_string() == "192.0.2.1:80");
  CHECK(whole(read_socks4_reply, {0, 91, 0, 0, 0, 0, 0, 0}).code == kSocks4Rejected);
  CHECK(read_socks4_reply(Octets{5}).why == "the reply begins with 5, not with 0");
}

TEST_CASE("RFC 1928 section 7: datagrams by way of the relay") {
  const Octets payload{'h', 'i'};
  CHECK(socks_datagram(host("198.51.100.53:53"), payload) ==
        Octets{0, 0, 0, 1, 198, 51, 100, 53, 0, 53, 'h', 'i'});
  CHECK(socks_datagram(host("ns.example.org:53"), payload) ==
        joined({0, 0, 0, 3, 14}, "ns.example.org", {0, 53, 'h', 'i'}));

  const Octets octets{0, 0, 3, 1, 198, 51, 100, 53, 0, 53, 'h', 'i'};
  for (std::size_t length = 0; length < 10; ++length) {
    CHECK(read_socks_datagram(SocksOctets(octets).first(length)).state ==
          SocksRead<SocksDatagram>::State::partial);
  }
  const auto read = read_socks_datagram(octets);
  CHECK(read.state == SocksRead<SocksDatagram>::State::whole);
  CHECK(read.length == octets.size());
  CHECK(read.value.fragment == 3);
  CHECK(read.value.from.to_string() == "198.51.100.53:53");
  CHECK(Octets(read.value.payload.begin(), read.value.payload.end()) == payload);
  CHECK(read_socks_datagram(SocksOctets(octets).first(10)).value.payload.empty());
  CHECK(read_socks_datagram(Octets{0, 1, 0}).why == "the reserved octets are not 0");
  CHECK(read_socks_datagram(Octets{0, 0, 0, 9}).why == "address type 9 is none of SOCKS5's");
}

TEST_CASE("an IPv4 address within one of IPv6 is that IPv4 address") {
  const Octets octets{0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 53, 0, 53};
  CHECK(read_socks_datagram(octets).value.from.to_string() == "198.51.100.53:53");
}

TEST_CASE("codes are named in words") {
  CHECK(socks5_reply_text(0) == "succeeded (0)");
  CHECK(socks5_reply_text(1) == "general SOCKS server failure (1)");
  CHECK(socks5_reply_text(2) == "connection not allowed by ruleset (2)");
  CHECK(socks5_reply_text(3) == "network unreachable (3)");
  CHECK(socks5_reply_text(4) == "host unreachable (4)");
  CHECK(socks5_reply_text(5) == "connection refused (5)");
  CHECK(socks5_reply_text(6) == "TTL expired (6)");
  CHECK(socks5_reply_text(7) == "command not supported (7)");
  CHECK(socks5_reply_text(8) == "address type not supported (8)");
  CHECK(socks5_reply_text(9) == "unassigned reply (9)");
  CHECK(socks4_reply_text(89) == "unassigned reply (89)");
  CHECK(socks4_reply_text(90) == "request granted (90)");
  CHECK(socks4_reply_text(91) == "request rejected or failed (91)");
  CHECK(socks4_reply_text(92) == "request rejected: no identd to be reached (92)");
  CHECK(socks4_reply_text(93) == "request rejected: identd reports another user (93)");
  CHECK(socks4_reply_text(94) == "unassigned reply (94)");
}
