// The socks probe's relay of UDP, against a proxy and a relay on loopback that do what each test says.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "dns_server.hpp"
#include "probes/socks_probe.hpp"
#include "socks_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

using Connection = TcpServer::Connection;

constexpr std::size_t kHeader = 10;  // of a datagram with an IPv4 address

const std::string kEcho = R"(, "udp_target": "192.0.2.7:7")";
const std::string kDns = R"(, "udp_target": "192.0.2.53:53")";

// A proxy that grants this relay and reaches every target but those on port 5.
TcpServer::Script grants(const SocketAddress& relay) {
  return socks5([relay](Connection& connection, const std::string& request) {
    if (request[1] == 3) connection.say(socks5_reply(0, relay));
    if (request[1] == 1) connection.say(socks5_reply(request.back() == 5 ? 5 : 0));
  });
}

void echo(UdpRelay& relay, const std::string& datagram) {
  relay.say(datagram);
}

Asking ask(EventLoop& loop, const TcpServer& server, const std::string& more) {
  return Asking(loop, R"({"server": ")" + server.address() + "\"" + more + "}", kSocksProbe);
}

DnsPacket packet(const std::string& text) {
  return {text.begin(), text.end()};
}

// The datagram with an answer of DNS to the question in it.
std::string dns_answer(const std::string& datagram, int rcode, int id_off = 0) {
  const DnsRequest request{packet(datagram.substr(kHeader)), false, -1, {}};
  DnsReply reply(request);
  reply.rcode(static_cast<unsigned>(rcode));
  reply.id(static_cast<std::uint16_t>(id_of(request.bytes) + id_off));
  return datagram.substr(0, kHeader) + std::string(reply.bytes().begin(), reply.bytes().end());
}

}  // namespace

TEST_CASE("what an echo target is sent comes back through the relay") {
  EventLoop loop;
  UdpRelay relay(loop, echo);
  TcpServer server(loop, grants(relay.address()));
  auto it = ask(loop, server, kEcho);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.reason == "ok");
  CHECK(result.detail == "UDP to 192.0.2.7:7 answered (echo)");
  const auto& connection = *server.connections().front();
  CHECK(connection.heard == octets("\5\1\0\5\3\0\1\0\0\0\0\0\0"));
  CHECK_FALSE(connection.ended);
  REQUIRE(relay.heard().size() == 1);
  CHECK(relay.heard()[0].starts_with(octets("\0\0\0\1\xc0\0\2\7\0\7anyprobe ")));
  // Another round has other octets.
  it.again();
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(relay.heard().at(0) != relay.heard().at(1));
}

TEST_CASE("a relay of zeros is at the proxy's own address") {
  EventLoop loop;
  UdpRelay relay(loop, echo);
  TcpServer server(loop, grants({IpAddress(), relay.address().port}));
  auto it = ask(loop, server, kEcho);
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("over IPv6 the association is asked for by zeros of IPv6") {
  EventLoop loop;
  UdpRelay relay(loop, echo);
  TcpServer server(loop, grants(relay.address()), "::1");
  auto it = ask(loop, server, kEcho);
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(server.connections().front()->heard == octets("\5\1\0\5\3\0\4") + std::string(18, '\0'));
}

TEST_CASE("a question of DNS is answered by any answer to it") {
  for (const int rcode : {0, 5}) {
    EventLoop loop;
    UdpRelay relay(loop, [&](UdpRelay& self, const std::string& datagram) {
      self.say(datagram);                        // no answer, but the question
      self.say(dns_answer(datagram, rcode, 1));  // to another question
      self.say(dns_answer(datagram, rcode));
    });
    TcpServer server(loop, grants(relay.address()));
    auto it = ask(loop, server, kDns);
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.detail == "UDP to 192.0.2.53:53 answered (dns)");
    CHECK(relay.heard()[0].substr(kHeader + 2) == octets("\1\0\0\1\0\0\0\0\0\0\0\0\6\0\1"));
  }
}

TEST_CASE("the question is the one asked for, whatever the port") {
  EventLoop loop;
  UdpRelay relay(loop, [](UdpRelay& self, const std::string& datagram) {
    if (datagram.size() == kHeader + 17) self.say(dns_answer(datagram, 0));
  });
  TcpServer server(loop, grants(relay.address()));
  auto it = ask(loop, server, kEcho + R"(, "udp_question": "dns")");
  CHECK(it.wait().detail == "UDP to 192.0.2.7:7 answered (dns)");
}

TEST_CASE("what is no answer is read past") {
  const std::vector<std::pair<std::string, std::function<std::string(std::string)>>> strays = {
      {"a fragment", [](std::string d) { return d.replace(2, 1, "\1"); }},
      {"from 192.0.2.8:7", [](std::string d) { return d.replace(7, 1, "\10"); }},
      {"from 192.0.2.7:8", [](std::string d) { return d.replace(9, 1, "\10"); }},
      {"no answer to the question", [](std::string d) { return d.replace(d.size() - 1, 1, "x"); }},
      {"no answer to the question", [](const std::string& d) { return d.substr(0, kHeader); }},
      {"its header is cut off", [](const std::string& d) { return d.substr(0, kHeader - 1); }},
      {"its header is cut off", [](const std::string&) { return std::string(); }},
      {"the reserved octets are not 0", [](std::string d) { return d.replace(0, 1, "\1"); }},
      {R"(from "ab")", [](const std::string&) { return octets("\0\0\0\3\2ab\0\7"); }},
  };
  for (const auto& stray : strays) {
    const auto& why = stray.first;
    const auto& change = stray.second;
    CAPTURE(why);
    EventLoop loop;
    UdpRelay relay(loop, [&](UdpRelay& self, const std::string& datagram) { self.say(change(datagram)); });
    TcpServer server(loop, grants(relay.address()));
    auto it = ask(loop, server, kEcho);
    const auto owed = "no answer from 192.0.2.7:7 through the relay " + relay.address().to_string() +
                      " (read past: 1, the last: " + why + ")";
    CHECK(it.wait_until([&] { return it.waiting_for() == owed; }));
    CHECK_FALSE(it.result());
    relay.say(relay.heard().front());
    CHECK(it.wait().verdict == Verdict::pass);
  }
}

TEST_CASE("where the proxy looks the name up, the answer may come from any address") {
  EventLoop loop;
  UdpRelay relay(loop, [](UdpRelay& self, const std::string& datagram) {
    const auto header = octets("\0\0\0\3\20echo.example.org\0\7");
    if (datagram.starts_with(header))
      self.say(octets("\0\0\0\1\xc0\0\2\7\0\7") + datagram.substr(header.size()));
  });
  TcpServer server(loop, grants(relay.address()));
  auto it = ask(loop, server, R"(, "udp_target": "echo.example.org:7", "resolve": "proxy")");
  CHECK(it.wait().detail == "UDP to echo.example.org:7 answered (echo)");
}

TEST_CASE("one lost datagram is said again as it was") {
  EventLoop loop;
  UdpRelay relay(loop, [](UdpRelay& self, const std::string& datagram) {
    if (self.heard().size() == 2) self.say(datagram);
  });
  TcpServer server(loop, grants(relay.address()));
  auto it = ask(loop, server, kEcho);
  CHECK(it.wait().verdict == Verdict::pass);
  REQUIRE(relay.heard().size() == 2);
  CHECK(relay.heard()[0] == relay.heard()[1]);
}

TEST_CASE("a relay that is not granted, or not where it should be") {
  EventLoop loop;
  TcpServer denies(
      loop, socks5([](Connection& connection, const std::string&) { connection.say(socks5_reply(7)); }));
  auto denied = ask(loop, denies, kEcho);
  auto result = denied.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "rejected");
  CHECK(result.detail == denies.address() + " for UDP to 192.0.2.7:7: command not supported (7)");

  TcpServer nowhere(loop, grants({}));
  auto lost = ask(loop, nowhere, kEcho);
  result = lost.wait();
  CHECK(result.reason == "wrong_answer");
  CHECK(result.detail == nowhere.address() + " granted a relay of UDP without its address");

  UdpRelay relay(loop, nullptr);
  TcpServer deserted(loop, grants(relay.address()));
  relay.stop();
  auto gone = ask(loop, deserted, kEcho);
  result = gone.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "refused");
  CHECK(result.evidence == Evidence::soft);
  CHECK(result.detail.starts_with("the relay " + relay.address().to_string() + " for 192.0.2.7:7: "));
}

TEST_CASE("an association that ends before the answer is over") {
  EventLoop loop;
  UdpRelay relay(loop, nullptr);
  TcpServer server(loop, grants(relay.address()));
  auto it = ask(loop, server, kEcho);
  CHECK(it.wait_until([&] { return !relay.heard().empty(); }));
  server.connections().front()->hang_up();
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "closed");
  CHECK(result.detail == server.address() + " ended the relay of UDP");
}

TEST_CASE("a target and a UDP target must both pass") {
  EventLoop loop;
  UdpRelay good(loop, echo), bad(loop, nullptr);
  TcpServer server(loop, grants(good.address())), half(loop, grants(bad.address()));
  const std::string reached = R"(, "target": "192.0.2.1:80")" + kEcho;
  auto both = ask(loop, server, reached);
  CHECK(both.wait().detail == server.address() + " reached 192.0.2.1:80; UDP to 192.0.2.7:7 answered (echo)");

  auto only_udp = ask(loop, server, R"(, "target": "192.0.2.1:5")" + kEcho);
  auto result = only_udp.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.detail == server.address() + " for 192.0.2.1:5: connection refused (5)");

  auto only_tcp = ask(loop, half, reached);
  CHECK(only_tcp.wait_until([&] { return !bad.heard().empty(); }));
  CHECK_FALSE(only_tcp.result());
  CHECK(only_tcp.waiting_for() ==
        "no answer from 192.0.2.7:7 through the relay " + bad.address().to_string());
}

TEST_CASE("a UDP target without an address is nobody's failure, and hides no dead proxy") {
  EventLoop loop;
  TcpServer server(loop, grants({})), gone(loop);
  gone.stop();
  const std::string none = R"(, "udp_target": "nosuch.invalid:7")";
  auto it = ask(loop, server, none);
  auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "unresolved");
  CHECK(result.detail == "nosuch.invalid:7 has no address now");
  auto refused = ask(loop, gone, none);
  CHECK(refused.wait().evidence == Evidence::conclusive);
}
