// The radius probe against a server on loopback that does what each test says.
#include "probes/radius_probe.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <set>

#include "asking.hpp"
#include "radius_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;
using namespace anyprobe::test::radius;

namespace {

constexpr std::uint8_t kAccept = 2, kReject = 3, kAccounting = 5;
const std::string kSecret = "s3cret";

std::string options(const RadiusServer& server, const std::string& more = "") {
  return R"({"server": ")" + server.address() + R"(", "secret": "s3cret", "resend": "20ms")" + more + "}";
}

Asking ask(EventLoop& loop, const RadiusServer& server, const std::string& more = "") {
  return Asking(loop, options(server, more), kRadiusProbe);
}

// Says these answers to each request, in this order.
RadiusServer::Script says(std::uint8_t code, const Octets& attributes = {},
                          const std::string& secret = kSecret) {
  return
      [=](RadiusServer& server) { server.say(answer(server.requests().back(), code, secret, attributes)); };
}

// One round with a server that has this script; the detail without the server's address.
Result answered_by(const RadiusServer::Script& script, const std::string& more = "") {
  EventLoop loop;
  RadiusServer server(loop, script);
  auto it = ask(loop, server, more);
  auto result = it.wait();
  CHECK(result.detail.starts_with(server.address() + " "));
  result.detail.erase(0, server.address().size() + 1);
  return result;
}

// What is still owed when the server says this, once it has said it.
std::string owed_after(const RadiusServer::Script& script, const std::string& expected,
                       const std::string& more = "") {
  EventLoop loop;
  RadiusServer server(loop, [&](RadiusServer& self) {
    if (self.requests().size() == 1) script(self);
  });
  auto it = ask(loop, server, more);
  const auto text = "no answer from " + server.address() + " (" + expected + ")";
  CHECK(it.wait_until([&] { return it.waiting_for() == text || it.result(); }));
  CHECK_FALSE(it.result());
  return it.waiting_for() == text ? expected : it.waiting_for();
}

void check_read_past(const RadiusServer::Script& script, const std::string& expected,
                     const std::string& more = "") {
  CHECK(owed_after(script, expected, more) == expected);
  // The true answer behind it counts.
  CHECK(answered_by(
            [&](RadiusServer& server) {
              script(server);
              server.say(
                  answer(server.requests().back(), kAccept, kSecret, unsigned_message_authenticator()));
            },
            more)
            .verdict == Verdict::pass);
}

}  // namespace

TEST_CASE("an Access-Accept passes, over both families, again and again") {
  for (const std::string ip : {"127.0.0.1", "::1"}) {
    CAPTURE(ip);
    EventLoop loop;
    RadiusServer server(loop, says(kAccept), ip);
    auto it = ask(loop, server);
    for (int i = 0; i < 3; ++i, it.again()) {
      const auto result = it.wait();
      CHECK(result.verdict == Verdict::pass);
      CHECK(result.reason == "ok");
      CHECK(result.detail == server.address() + " answered Access-Accept without Message-Authenticator");
    }
  }
}

TEST_CASE("the question is a Status-Server, and no two are alike") {
  EventLoop loop;
  RadiusServer server(loop, says(kAccept));
  auto it = ask(loop, server, R"(, "nas_identifier": "ns1")");
  std::set<Octets> authenticators;
  std::set<std::uint8_t> identifiers;
  for (int i = 0; i < 20; ++i, it.again()) {
    CHECK(it.wait().verdict == Verdict::pass);
    const auto& request = server.requests().back();
    REQUIRE(request.size() == 43);
    CHECK(request[0] == 12);
    CHECK(request[20] == 80);
    CHECK(Octets(request.begin() + 38, request.end()) == Octets{32, 5, 'n', 's', '1'});
    auto again = sign(request, request, kSecret);
    CHECK(Octets(again.begin() + 20, again.end()) == Octets(request.begin() + 20, request.end()));
    identifiers.insert(request[1]);
    authenticators.insert(Octets(request.begin() + 4, request.begin() + 20));
  }
  CHECK(authenticators.size() == 20);
  CHECK(identifiers.size() > 10);  // fewer once in 10^12 runs
}

TEST_CASE("which answer is right, the kind of the port says") {
  const auto kind = [](const std::string& name) { return R"(, "kind": ")" + name + "\""; };
  CHECK(answered_by(says(kAccept), kind("auth")).verdict == Verdict::pass);
  CHECK(answered_by(says(kAccept), kind("either")).verdict == Verdict::pass);
  CHECK(answered_by(says(kAccounting), kind("acct")).verdict == Verdict::pass);
  const auto either = answered_by(says(kAccounting), kind("either"));
  CHECK(either.verdict == Verdict::pass);
  CHECK(either.detail == "answered Accounting-Response without Message-Authenticator");

  const auto wrong = answered_by(says(kAccounting));
  CHECK(wrong.verdict == Verdict::fail);
  CHECK(wrong.evidence == Evidence::soft);
  CHECK(wrong.reason == "wrong_code");
  CHECK(wrong.detail == "answered Accounting-Response, not Access-Accept");
  CHECK(answered_by(says(kAccept), kind("acct")).detail == "answered Access-Accept, not Accounting-Response");
  CHECK(answered_by(says(kReject), kind("either")).detail ==
        "answered Access-Reject, not Access-Accept or Accounting-Response");
}

TEST_CASE("without a kind, the number of the port says which answer is right") {
  // Of the process alone, so that two runs of the tests do not share a port.
  const auto pid = static_cast<unsigned>(::getpid());
  const auto ip = "127." + std::to_string(pid >> 16U & 255U) + "." + std::to_string(pid >> 8U & 255U) + "." +
                  std::to_string(pid & 255U);
  for (const int port : {1812, 1645, 1813, 1646}) {
    CAPTURE(port);
    const std::uint8_t code = port == 1813 || port == 1646 ? kAccounting : kAccept;
    EventLoop loop;
    RadiusServer good(loop, says(code), ip + ":" + std::to_string(port));
    CHECK(ask(loop, good).wait().verdict == Verdict::pass);
    good.stop();
    RadiusServer bad(loop, says(kAccept + kAccounting - code), ip + ":" + std::to_string(port));
    CHECK(ask(loop, bad).wait().reason == "wrong_code");
    CHECK(ask(loop, bad, R"(, "kind": "either")").wait().reason == "ok");
  }
}

TEST_CASE("one lost datagram is no outage: the same is sent again") {
  EventLoop loop;
  RadiusServer server(loop, [](RadiusServer& self) {
    if (self.requests().size() == 3) self.say(answer(self.requests().back(), kAccept, kSecret));
  });
  auto it = ask(loop, server);
  CHECK(it.wait().verdict == Verdict::pass);
  REQUIRE(server.requests().size() == 3);
  CHECK(server.requests()[0] == server.requests()[1]);
  CHECK(server.requests()[0] == server.requests()[2]);
  CHECK(server.clients()[0] == server.clients()[2]);
  // A late answer to the first counts as well.
  EventLoop another;
  RadiusServer slow(another, [](RadiusServer& self) {
    if (self.requests().size() == 2) self.say(answer(self.requests().front(), kAccept, kSecret));
  });
  CHECK(ask(another, slow).wait().verdict == Verdict::pass);
}

TEST_CASE("after its end, nothing is sent any more") {
  EventLoop loop;
  RadiusServer server(loop, says(kAccept));
  auto it = ask(loop, server);
  CHECK(it.wait().verdict == Verdict::pass);
  RadiusServer other(loop, nullptr);
  auto next = ask(loop, other);
  CHECK(it.wait_until([&] { return other.requests().size() == 4; }));
  CHECK(server.requests().size() == 1);
  next.cancel();
  it.again();
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(server.requests().size() == 2);
  CHECK(other.requests().size() <= 5);
}

TEST_CASE("silence is reported by nobody, and what it may mean is told") {
  CHECK(owed_after([](RadiusServer&) {}, "it hangs, has another secret, or does not know this client") ==
        "it hangs, has another secret, or does not know this client");
}

TEST_CASE("answers of another secret are read past, and named") {
  check_read_past(says(kAccept, {}, "other"), "1 reply that does not verify: wrong secret?");
  check_read_past(
      [](RadiusServer& server) {
        for (int i = 0; i < 3; ++i) says(kAccept, {}, "other")(server);
      },
      "3 replies that do not verify: wrong secret?");
}

TEST_CASE("forged, late and broken answers are read past, and counted each by its kind") {
  const auto late = [](RadiusServer& server) {
    auto other = server.requests().back();
    ++other[1];
    server.say(answer(other, kAccept, kSecret));
  };
  const auto broken = [](RadiusServer& server) {
    auto cut = answer(server.requests().back(), kAccept, kSecret, reply_message("up"));
    cut.pop_back();
    server.say(cut);
  };
  const auto forged = [](RadiusServer& server) {
    const auto& request = server.requests().back();
    server.say(sign_response(Octets{kAccept, request[1]} + Octets(18) + unsigned_message_authenticator(),
                             request, kSecret));
  };
  const auto reflected = [](RadiusServer& server) { server.say(server.requests().back()); };
  check_read_past(late, "1 reply to something else");
  check_read_past(broken, "1 datagram that is no reply");
  check_read_past([](RadiusServer& server) { server.say({}); }, "1 datagram that is no reply");
  check_read_past(forged, "1 reply that does not verify: wrong secret?");
  check_read_past(reflected, "1 reply that does not verify: wrong secret?");
  check_read_past(
      [&](RadiusServer& server) {
        for (const auto& one : {RadiusServer::Script(late), RadiusServer::Script(broken),
                                RadiusServer::Script(forged), RadiusServer::Script(late)}) {
          one(server);
        }
      },
      "1 reply that does not verify: wrong secret?, 2 replies to something else, 1 datagram that is no "
      "reply");
}

TEST_CASE("a Message-Authenticator can be demanded") {
  const std::string demanded = R"(, "require_message_authenticator": true)";
  check_read_past(says(kAccept), "1 reply without Message-Authenticator", demanded);
  // Not even another code counts without it.
  check_read_past(says(kReject), "1 reply without Message-Authenticator", demanded);
  for (const auto& attributes :
       {unsigned_message_authenticator(), reply_message("up") + unsigned_message_authenticator()}) {
    const auto result = answered_by(says(kAccept, attributes), demanded);
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.detail == "answered Access-Accept with Message-Authenticator");
  }
}

TEST_CASE("a refusal by the kernel is conclusive, of the first datagram and of a later one") {
  EventLoop loop;
  RadiusServer server(loop, [](RadiusServer& self) {
    if (self.requests().size() == 2) self.stop();
  });
  auto it = ask(loop, server);
  for (int i = 0; i < 2; ++i, it.again()) {
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.evidence == Evidence::conclusive);
    CHECK(result.reason == "refused");
    CHECK(result.detail.starts_with(server.address() + ": "));
    CHECK(result.detail.ends_with("Connection refused"));
  }
}

TEST_CASE("what fails on this host says nothing of the server") {
  EventLoop loop;
  RadiusServer server(loop, says(kAccept));
  auto it = ask(loop, server);
  CHECK(it.wait().verdict == Verdict::pass);
  {
    const NoDescriptors none;
    it.again();
  }
  auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "local_error");
  CHECK(result.detail == server.address() + ": socket: Too many open files");
  result = ask(loop, server, R"(, "source": "192.0.2.77")").wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.detail == server.address() + ": bind: Cannot assign requested address");
  Asking broadcast(loop, R"({"server": "255.255.255.255", "secret": "s3cret"})", kRadiusProbe);
  result = broadcast.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.detail == "255.255.255.255:18120: connect: Permission denied");
  result = ask(loop, server, R"(, "bind_device": "none-such0")").wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("source and device of the question are those asked for") {
  EventLoop loop;
  RadiusServer server(loop, says(kAccept));
  CHECK(ask(loop, server, R"(, "source": "127.0.0.9", "bind_device": "lo")").wait().verdict == Verdict::pass);
  CHECK(server.clients().front().ip.to_string() == "127.0.0.9");
}

TEST_CASE("an attempt can be given up at any moment") {
  EventLoop loop;
  RadiusServer server(loop, nullptr);
  auto it = ask(loop, server);
  it.cancel();
  it.again();
  CHECK(it.wait_until([&] { return server.requests().size() >= 3; }));
  it.cancel();
  CHECK_FALSE(it.result());
}
