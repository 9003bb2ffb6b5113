// The socks probe against a proxy on loopback that does what each test says: negotiation and CONNECT.
#include "probes/socks_probe.hpp"

#include <doctest/doctest.h>

#include "asking.hpp"
#include "socks_server.hpp"
#include "tcp_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

using Connection = TcpServer::Connection;

Asking ask(EventLoop& loop, const TcpServer& server, const std::string& more = "") {
  return Asking(loop, R"({"server": ")" + server.address() + "\"" + more + "}", kSocksProbe);
}

// One round with a proxy that has this script; the proxy's address is cut out of the detail.
Result answered_by(const TcpServer::Script& script, const std::string& more = "") {
  EventLoop loop;
  TcpServer server(loop, script);
  auto it = ask(loop, server, more);
  auto result = it.wait();
  for (auto at = result.detail.find(server.address()); at != std::string::npos;
       at = result.detail.find(server.address())) {
    result.detail.replace(at, server.address().size(), "PROXY");
  }
  return result;
}

// Says this once it has heard that.
TcpServer::Script says(const std::string& heard, const std::string& answer) {
  return [=](Connection& connection) {
    if (connection.heard == heard) connection.say(answer);
  };
}

TcpServer::Script replies(int code) {
  return socks5([=](Connection& connection, const std::string&) { connection.say(socks5_reply(code)); });
}

// A reply that depends on the last octet of the target's port; 255 is silence.
TcpServer::Script replies_by_port() {
  return socks5([](Connection& connection, const std::string& request) {
    const int code = static_cast<unsigned char>(request.back());
    if (code != 255) connection.say(socks5_reply(code));
  });
}

const std::string kGreeting = octets("\5\1\0");
const std::string kTarget = R"(, "target": "198.51.100.80:80")";
const std::string kLogin = R"(, "username": "fred", "password": "hush-hush")";
const std::string kLoginOctets = octets("\1\4fred\11hush-hush");

}  // namespace

TEST_CASE("without a target the negotiation is all, and the connection ends in order") {
  for (const std::string ip : {"127.0.0.1", "::1"}) {
    EventLoop loop;
    TcpServer server(loop, says(kGreeting, octets("\5\0")), ip);
    auto it = ask(loop, server);
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.reason == "ok");
    CHECK(result.detail == server.address() + " negotiated");
    CHECK(it.wait_until([&] { return server.connections().front()->ended; }));
    CHECK(server.connections().front()->heard == kGreeting);
    it.again();
    CHECK(it.wait().verdict == Verdict::pass);
  }
}

TEST_CASE("with a user name only a login is offered, and it must be taken") {
  const auto proxy = [](const std::string& status) {
    return [=](Connection& connection) {
      const auto offer = octets("\5\1\2");
      if (connection.heard == offer) connection.say(octets("\5\2"));
      if (connection.heard == offer + kLoginOctets) connection.say(status);
    };
  };
  auto result = answered_by(proxy(octets("\1\0")), kLogin);
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == "PROXY took the login");
  result = answered_by(proxy(octets("\1\1")), kLogin);
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::soft);
  CHECK(result.reason == "login_refused");
  CHECK(result.detail == "PROXY refused the user name or the password (1)");
}

TEST_CASE("methods that do not do") {
  auto result = answered_by(says(kGreeting, octets("\5\xff")));
  CHECK(result.reason == "method_refused");
  CHECK(result.detail == "PROXY wants a login (255)");
  result = answered_by(says(octets("\5\1\2"), octets("\5\xff")), kLogin);
  CHECK(result.reason == "method_refused");
  CHECK(result.detail == "PROXY takes no user name and password (255)");
  result = answered_by(says(octets("\5\1\2"), octets("\5\0")), kLogin);
  CHECK(result.reason == "wrong_answer");
  CHECK(result.detail == "PROXY chose method 0, which was not offered");
  result = answered_by(says(kGreeting, "HTTP/1.1 400 Bad Request\r\n\r\n"));
  CHECK(result.reason == "wrong_answer");
  CHECK(result.detail == "PROXY talks no SOCKS: the choice of a method begins with 72, not with 5");
}

TEST_CASE("a target is connected to as asked, after a login too") {
  const auto request = octets("\5\1\0\1\xc6\x33\x64\x50\0\x50");
  EventLoop loop;
  TcpServer server(loop, [&](Connection& connection) {
    const auto offer = octets("\5\1\2");
    if (connection.heard == offer) connection.say(octets("\5\2"));
    if (connection.heard == offer + kLoginOctets) connection.say(octets("\1\0"));
    if (connection.heard == offer + kLoginOctets + request) connection.say(socks5_reply(0));
  });
  auto it = ask(loop, server, kLogin + kTarget);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == server.address() + " reached 198.51.100.80:80");
}

TEST_CASE("answers may come in pieces") {
  EventLoop loop;
  TcpServer server(loop);
  auto it = ask(loop, server, kTarget);
  CHECK(it.wait_until([&] { return !server.connections().empty(); }));
  const auto& connection = *server.connections().front();
  CHECK(it.wait_until([&] { return connection.heard == kGreeting; }));
  const auto heard_all = [&] { return connection.heard.size() == kGreeting.size() + 10; };
  const auto answer = octets("\5\0") + socks5_reply(0);
  for (std::size_t i = 0; i < answer.size(); ++i) {
    CHECK_FALSE(it.result());
    if (i == 2) CHECK(it.wait_until(heard_all));
    connection.say(answer.substr(i, 1));
    for (int turn = 0; turn < 3; ++turn) ev_run(loop.raw(), EVRUN_NOWAIT);
  }
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("each code of a reply is named in words") {
  auto result = answered_by(replies(2), kTarget);
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::soft);
  CHECK(result.reason == "denied");
  CHECK(result.detail == "PROXY for 198.51.100.80:80: connection not allowed by ruleset (2)");
  result = answered_by(replies(5), kTarget);
  CHECK(result.evidence == Evidence::soft);  // the target refused, not the proxy
  CHECK(result.reason == "rejected");
  CHECK(result.detail == "PROXY for 198.51.100.80:80: connection refused (5)");
  CHECK(answered_by(replies(1), kTarget).detail.ends_with("general SOCKS server failure (1)"));
}

TEST_CASE("a dead target is not a dead proxy") {
  EventLoop loop;
  TcpServer server(loop, replies_by_port());
  // Codes 5, 2 and 1, a silent one, and one that is reached.
  auto it = ask(loop, server, R"(, "target": ["192.0.2.1:5", "192.0.2.1:2", "192.0.2.1:1", "192.0.2.1:255",
                                              "192.0.2.1:256"])");
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == server.address() + " reached 192.0.2.1:256");

  auto dead = ask(loop, server, R"(, "target": ["192.0.2.1:4", "192.0.2.1:2"])");
  const auto failed = dead.wait();
  CHECK(failed.verdict == Verdict::fail);
  CHECK(failed.detail == server.address() + " for 192.0.2.1:4: host unreachable (4); " + server.address() +
                             " for 192.0.2.1:2: connection not allowed by ruleset (2)");
}

TEST_CASE("a reply for one target waits for the others, and what is silent is named") {
  EventLoop loop;
  TcpServer server(loop, replies_by_port());
  auto it = ask(loop, server, R"(, "target": ["192.0.2.1:5", "192.0.2.1:255"])");
  const auto owed = "no answer from " + server.address() + " for 192.0.2.1:255; " + server.address() +
                    " for 192.0.2.1:5: connection refused (5)";
  CHECK(it.wait_until([&] { return it.waiting_for() == owed; }));
  CHECK_FALSE(it.result());
  it.cancel();
}

TEST_CASE("what is said of the proxy itself decides at once") {
  EventLoop loop;
  int connections = 0;
  TcpServer server(loop, [&](Connection& connection) {
    if (connection.heard.empty()) ++connections;
    if (connection.heard == kGreeting && connections == 2) connection.say(octets("\5\xff"));
  });
  auto it = ask(loop, server, R"(, "target": ["192.0.2.1:1", "192.0.2.1:2"])");
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "method_refused");
  CHECK(result.detail == server.address() + " wants a login (255)");  // once
}

TEST_CASE("a proxy that drops some connections passes by the others") {
  EventLoop loop;
  int connections = 0;
  TcpServer server(loop, [&](Connection& connection) {
    if (connection.heard.empty() && ++connections == 1) connection.hang_up();
    if (connection.heard == kGreeting) connection.say(octets("\5\0"));
    if (connection.heard.size() == kGreeting.size() + 10) connection.say(socks5_reply(0));
  });
  auto it = ask(loop, server, R"(, "target": ["192.0.2.1:1", "192.0.2.1:2"])");
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("a connection that ends too early") {
  auto result = answered_by([](Connection& connection) {
    if (connection.heard == kGreeting) connection.hang_up();
  });
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "closed");
  CHECK(result.detail == "PROXY closed in the middle of the negotiation");
  result = answered_by([](Connection& connection) { connection.reset(); });
  CHECK(result.reason == "reset");
  result = answered_by(socks5([](Connection& connection, const std::string&) {
                         connection.say(octets("\5\0\0"));
                         connection.hang_up();
                       }),
                       kTarget);
  CHECK(result.reason == "closed");
  CHECK(result.detail == "PROXY closed before its reply for 198.51.100.80:80");
  // A reply counts, whatever comes of the connection.
  CHECK(answered_by(socks5([](Connection& connection, const std::string&) {
                      connection.say(socks5_reply(0));
                      connection.hang_up();
                    }),
                    kTarget)
            .verdict == Verdict::pass);
}

TEST_CASE("a proxy where nobody listens is refused, which is conclusive") {
  EventLoop loop;
  TcpServer gone(loop);
  gone.stop();
  for (const std::string& more : {std::string(), kTarget, R"(, "protocol": "4a")" + kTarget,
                                  std::string(R"(, "udp_target": "192.0.2.1:53")")}) {
    CAPTURE(more);
    auto it = ask(loop, gone, more);
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.evidence == Evidence::conclusive);
    CHECK(result.reason == "refused");
    CHECK(result.detail == gone.address() + " refused");
  }
}

TEST_CASE("silence is reported by nobody, and named by what is owed") {
  EventLoop loop;
  TcpServer silent(loop), half(loop, says(octets("\5\1\2"), octets("\5\2")));
  auto it = ask(loop, silent);
  CHECK(it.wait_until(
      [&] { return it.waiting_for() == "no answer from " + silent.address() + " (connected)"; }));
  auto login = ask(loop, half, kLogin);
  CHECK(login.wait_until(
      [&] { return login.waiting_for() == "no answer from " + half.address() + " to the login"; }));
  CHECK_FALSE(it.result());
  CHECK_FALSE(login.result());
}

TEST_CASE("SOCKS4a: one question, one reply") {
  const std::string v4a = R"(, "protocol": "4a", "username": "fred")";
  const auto request = octets(
      "\4\1\0\x50\xc6\x33\x64\x50"
      "fred\0");
  const auto reply = [](int code) { return octets("\0") + static_cast<char>(code) + octets("\0\0\0\0\0\0"); };
  auto result = answered_by(says(request, reply(90)), v4a + kTarget);
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == "PROXY reached 198.51.100.80:80");
  result = answered_by(says(request, reply(91)), v4a + kTarget);
  CHECK(result.reason == "rejected");
  CHECK(result.detail == "PROXY for 198.51.100.80:80: request rejected or failed (91)");
  CHECK(answered_by(says(request, octets("\5\xff")), v4a + kTarget).reason == "wrong_answer");
  const auto named = octets(
      "\4\1\0\x50\0\0\0\1"
      "fred\0www.example.org\0");
  CHECK(answered_by(says(named, reply(90)), v4a + R"(, "target": "www.example.org:80", "resolve": "proxy")")
            .verdict == Verdict::pass);
}

TEST_CASE("names are looked up here, or by the proxy") {
  EventLoop loop;
  std::string last;
  TcpServer server(loop, socks5([&](Connection& connection, const std::string& request) {
                     last = request;
                     connection.say(socks5_reply(0));
                   }));
  auto here = ask(loop, server, R"(, "target": "localhost:80")");
  CHECK(here.wait().detail == server.address() + " reached localhost:80");
  CHECK(last == octets("\5\1\0\1\x7f\0\0\1\0\x50"));
  auto there = ask(loop, server, R"(, "target": "www.example.org:80", "resolve": "proxy")");
  CHECK(there.wait().detail == server.address() + " reached www.example.org:80");
  CHECK(last == octets("\5\1\0\3\17www.example.org\0\x50"));
}

TEST_CASE("a target without an address is nobody's failure, and hides no dead proxy") {
  EventLoop loop;
  TcpServer server(loop, replies(0)), bad(loop, replies(5)), gone(loop);
  gone.stop();
  const std::string none = R"(, "target": "nosuch.invalid:80")";
  auto alone = ask(loop, server, none);
  auto result = alone.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "unresolved");
  CHECK(result.detail == "nosuch.invalid:80 has no address now");
  auto refused = ask(loop, gone, none);
  result = refused.wait();
  CHECK(result.evidence == Evidence::conclusive);
  CHECK(result.detail == gone.address() + " refused; nosuch.invalid:80 has no address now");

  const std::string two = R"(, "target": ["nosuch.invalid:80", "198.51.100.80:80"])";
  auto other = ask(loop, server, two);
  CHECK(other.wait().verdict == Verdict::pass);
  auto dead = ask(loop, bad, two);
  result = dead.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.detail.ends_with("connection refused (5); nosuch.invalid:80 has no address now"));
  auto old = ask(loop, server, none + R"(, "protocol": "4a")");
  CHECK(old.wait().verdict == Verdict::local_error);
}

TEST_CASE("what fails on this host says nothing of the proxy") {
  EventLoop loop;
  TcpServer server(loop, replies(0));
  auto it = ask(loop, server, kTarget);
  CHECK(it.wait().verdict == Verdict::pass);
  {
    const NoDescriptors none;
    it.again();
  }
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "local_error");
  CHECK(result.detail == server.address() + " not asked (socket: Too many open files)");
  auto source = ask(loop, server, R"(, "source": "192.0.2.77")");
  CHECK(source.wait().detail == server.address() + " not asked (bind: Cannot assign requested address)");
}

TEST_CASE("source and device of the connection are those asked for") {
  EventLoop loop;
  TcpServer server(loop, replies(0));
  auto it = ask(loop, server, R"(, "source": "127.0.0.9", "bind_device": "lo")");
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(server.connections().front()->peer.ip.to_string() == "127.0.0.9");
}

TEST_CASE("a round can be given up at any moment") {
  EventLoop loop;
  TcpServer server(loop, says(kGreeting, octets("\5\0")));
  auto it = ask(loop, server, R"(, "target": ["192.0.2.1:1", "192.0.2.1:2"], "udp_target": "192.0.2.1:53")");
  it.cancel();
  it.again();
  CHECK(
      it.wait_until([&] { return it.waiting_for().find(" for UDP to 192.0.2.1:53") != std::string::npos; }));
  it.cancel();
  CHECK_FALSE(it.result());
}
