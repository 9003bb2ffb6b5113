#include "routing/socket_diag.hpp"

#include <doctest/doctest.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>

using namespace anyprobe;

namespace {

struct Told {
  int family = AF_INET;
  const char* address = "192.0.2.1";
  std::uint16_t port = 53;
  std::uint16_t peer = 0;
  std::optional<std::uint8_t> protocol = IPPROTO_UDP;
};

std::vector<std::uint32_t> message_of(const Told& told) {
  inet_diag_msg body{};
  body.idiag_family = static_cast<std::uint8_t>(told.family);
  body.id.idiag_sport = htons(told.port);
  body.id.idiag_dport = htons(told.peer);
  const auto address = *IpAddress::parse(told.address);
  std::memcpy(body.id.idiag_src, address.bytes().data(), address.bytes().size());
  nlmsghdr head{};
  head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  head.nlmsg_len = NLMSG_LENGTH(sizeof body) + (told.protocol ? 8 : 0);
  std::vector<std::uint32_t> out(head.nlmsg_len / 4);
  auto* octets = reinterpret_cast<std::uint8_t*>(out.data());
  std::memcpy(octets, &head, sizeof head);
  std::memcpy(octets + NLMSG_HDRLEN, &body, sizeof body);
  if (told.protocol) {
    const nlattr attribute{5, INET_DIAG_PROTOCOL};
    std::memcpy(octets + NLMSG_LENGTH(sizeof body), &attribute, sizeof attribute);
    octets[NLMSG_LENGTH(sizeof body) + sizeof attribute] = *told.protocol;
  }
  return out;
}

std::optional<ClosedSocket> parsed(const Told& told) {
  auto message = message_of(told);
  return parse_closed_socket(*reinterpret_cast<nlmsghdr*>(message.data()));
}

// As the kernel goes through it (the part of the instructions that is used).
bool lets_through(const std::vector<sock_filter>& steps, const std::vector<std::uint32_t>& message) {
  const auto* octets = reinterpret_cast<const std::uint8_t*>(message.data());
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < steps.size(); ++at) {
    const auto& [code, yes, no, k] = steps[at];
    switch (code) {
      case BPF_LD | BPF_H | BPF_ABS:
        a = static_cast<std::uint32_t>(octets[k] << 8U | octets[k + 1]);
        break;
      case BPF_JMP | BPF_JA:
        at += k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == k ? yes : no;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += a >= k ? yes : no;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += a > k ? yes : no;
        break;
      case BPF_RET | BPF_K:
        return k != 0;
      default:
        FAIL("an instruction of another kind");
    }
  }
  FAIL("it ends without an answer");
  return false;
}

void check_exact(const std::set<std::uint16_t>& ports) {
  const auto filter = make_port_filter(ports);
  REQUIRE(filter.size() <= BPF_MAXINSNS);
  Told told;
  std::size_t wrong = 0;
  for (unsigned port = 0; port <= 0xffff; ++port) {
    told.port = static_cast<std::uint16_t>(port);
    if (lets_through(filter, message_of(told)) != ports.contains(told.port)) ++wrong;
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("socket diag: sockets that are told of") {
  const auto udp = parsed({});
  REQUIRE(udp);
  CHECK(*udp == ClosedSocket{Protocol::udp, {*IpAddress::parse("192.0.2.1"), 53}});
  const auto tcp =
      parsed({.family = AF_INET6, .address = "2001:db8::1", .port = 80, .protocol = IPPROTO_TCP});
  REQUIRE(tcp);
  CHECK(*tcp == ClosedSocket{Protocol::tcp, {*IpAddress::parse("2001:db8::1"), 80}});
  const auto mapped = parsed({.family = AF_INET6, .address = "::ffff:192.0.2.1"});
  REQUIRE(mapped);
  CHECK(mapped->at.ip == *IpAddress::parse("192.0.2.1"));
}

TEST_CASE("socket diag: sockets that a list tells of") {
  const auto bound = [](Told told) {
    auto message = message_of(told);
    return parse_bound_socket(*reinterpret_cast<nlmsghdr*>(message.data()));
  };
  const auto udp = bound({});
  REQUIRE(udp);
  CHECK(*udp == BoundSocket{{*IpAddress::parse("192.0.2.1"), 53}, true});
  CHECK_FALSE(bound({.port = 0}));
  CHECK_FALSE(bound({.peer = 4711}));
  auto six = message_of({.family = AF_INET6, .address = "::", .protocol = 1});
  auto* head = reinterpret_cast<nlmsghdr*>(six.data());
  CHECK(parse_bound_socket(*head)->takes_ipv4);
  const nlattr only{5, INET_DIAG_SKV6ONLY};
  std::memcpy(reinterpret_cast<std::uint8_t*>(six.data()) + NLMSG_LENGTH(sizeof(inet_diag_msg)), &only,
              sizeof only);
  CHECK_FALSE(parse_bound_socket(*head)->takes_ipv4);
}

TEST_CASE("socket diag: what is no socket that answered anybody") {
  CHECK_FALSE(parsed({.peer = 40000}));
  CHECK_FALSE(parsed({.protocol = std::nullopt}));
  CHECK_FALSE(parsed({.protocol = IPPROTO_SCTP}));
  CHECK_FALSE(parsed({.family = AF_UNIX}));
  auto cut = message_of({});
  auto* head = reinterpret_cast<nlmsghdr*>(cut.data());
  head->nlmsg_len = NLMSG_LENGTH(sizeof(inet_diag_msg)) - 4;
  CHECK_FALSE(parse_closed_socket(*head));
  auto other = message_of({});
  head = reinterpret_cast<nlmsghdr*>(other.data());
  head->nlmsg_type = NLMSG_DONE;
  CHECK_FALSE(parse_closed_socket(*head));
}

TEST_CASE("socket diag: the filter lets through the ports that are watched") {
  check_exact({});
  check_exact({53});
  check_exact({0, 65535});
  check_exact({53, 80, 443, 1812, 1813, 8053});
  std::set<std::uint16_t> row;
  for (unsigned port = 20000; port < 30000; ++port) row.insert(static_cast<std::uint16_t>(port));
  check_exact(row);
  std::set<std::uint16_t> apart;
  for (unsigned port = 1; port <= 1000; port += 2) apart.insert(static_cast<std::uint16_t>(port));
  check_exact(apart);
}

TEST_CASE("socket diag: nobody who is connected passes the filter") {
  const auto filter = make_port_filter({53});
  CHECK(lets_through(filter, message_of({})));
  CHECK_FALSE(lets_through(filter, message_of({.peer = 40000})));
}

TEST_CASE("socket diag: of very many ports none is missed, and few others pass") {
  std::set<std::uint16_t> ports;
  for (unsigned port = 1024; port < 60000; port += 7) ports.insert(static_cast<std::uint16_t>(port));
  for (unsigned port = 60001; port < 60400; port += 2) ports.insert(static_cast<std::uint16_t>(port));
  const auto filter = make_port_filter(ports);
  REQUIRE(filter.size() <= BPF_MAXINSNS);
  Told told;
  const auto passes = [&](std::uint16_t port) {
    told.port = port;
    return lets_through(filter, message_of(told));
  };
  CHECK(std::all_of(ports.begin(), ports.end(), passes));
  CHECK_FALSE(passes(1023));
  CHECK_FALSE(passes(61000));
  // Of 9,000 ranges 512 stay, so that most gaps are closed, and not all.
  std::size_t strangers = 0;
  for (unsigned port = 1024; port < 60000; ++port) {
    const auto number = static_cast<std::uint16_t>(port);
    if (!ports.contains(number) && passes(number)) ++strangers;
  }
  CHECK(strangers < 48'500);
}

TEST_CASE("closed socket: whose service it may have been") {
  const auto at = [](const char* ip, std::uint16_t port, Protocol protocol = Protocol::udp) {
    return Endpoint{{*IpAddress::parse(ip), port}, protocol, {}};
  };
  const auto closed = [](const char* ip, std::uint16_t port, Protocol protocol = Protocol::udp) {
    return ClosedSocket{protocol, {*IpAddress::parse(ip), port}};
  };
  CHECK(may_have_answered(closed("127.0.0.1", 53), at("127.0.0.1", 53)));
  CHECK_FALSE(may_have_answered(closed("192.0.2.1", 53), at("127.0.0.1", 53)));
  CHECK_FALSE(may_have_answered(closed("127.0.0.1", 54), at("127.0.0.1", 53)));
  CHECK_FALSE(may_have_answered(closed("127.0.0.1", 53, Protocol::tcp), at("127.0.0.1", 53)));
  CHECK(may_have_answered(closed("0.0.0.0", 53), at("127.0.0.1", 53)));
  CHECK(may_have_answered(closed("::", 53), at("127.0.0.1", 53)));
  CHECK(may_have_answered(closed("::", 53), at("::1", 53)));
  CHECK_FALSE(may_have_answered(closed("0.0.0.0", 53), at("::1", 53)));
  CHECK(took_any(closed("::", 53)));
  CHECK(took_any(closed("0.0.0.0", 53)));
  CHECK_FALSE(took_any(closed("127.0.0.1", 53)));
}
