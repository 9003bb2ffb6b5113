// The tcp probe against a listener on loopback that does what each test says.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "probes/tcp_probe.hpp"
#include "tcp_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

using Connection = TcpServer::Connection;

Asking ask(EventLoop& loop, const std::string& ports, const std::string& more = "") {
  return Asking(loop, R"({"ports": [)" + ports + "]" + more + "}", kTcpProbe);
}

// One round with a listener that has this script.
Result answered_by(const TcpServer::Script& script, const std::string& more) {
  EventLoop loop;
  TcpServer server(loop, script);
  auto it = ask(loop, server.port(), more);
  auto result = it.wait();
  CHECK(result.detail.starts_with(server.address() + " "));
  result.detail.erase(0, server.address().size() + 1);
  return result;
}

const std::string kExpect = R"(, "expect": "ready")";

}  // namespace

TEST_CASE("a port that accepts passes, over both families, and the server's program has nothing of it") {
  for (const std::string ip : {"127.0.0.1", "::1"}) {
    CAPTURE(ip);
    EventLoop loop;
    TcpServer server(loop, nullptr, ip);
    auto it = ask(loop, server.port(), R"(, "host": ")" + ip + "\"");
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.reason == "ok");
    CHECK(result.detail == server.address() + " connected");
    for (int i = 0; i < 20; ++i) {
      it.again();
      CHECK(it.wait().verdict == Verdict::pass);
    }
    // Unless this machine stood still for so long that the kernel did not wait for the reset.
    CHECK(server.connections().size() < 10);
  }
}

TEST_CASE("of several ports, all must connect, and each that does not is named") {
  EventLoop loop;
  TcpServer one(loop), two(loop), three(loop);
  auto it = ask(loop, one.port() + ", " + two.port() + ", " + three.port());
  auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail ==
        one.address() + " connected; " + two.address() + " connected; " + three.address() + " connected");
  one.stop();
  three.stop();
  it.again();
  result = it.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::conclusive);
  CHECK(result.reason == "refused");
  CHECK(result.detail == one.address() + " refused; " + three.address() + " refused");
}

TEST_CASE("one refusal decides while the others are silent") {
  EventLoop loop;
  TcpServer silent(loop), gone(loop);
  gone.stop();
  auto it = ask(loop, silent.port() + ", " + gone.port(), kExpect);
  const auto result = it.wait();
  CHECK(result.evidence == Evidence::conclusive);
  CHECK(result.reason == "refused");
  CHECK(result.detail == silent.address() + " no answer yet; " + gone.address() + " refused");
}

TEST_CASE("a refusal is better evidence than a hang-up that was noticed first") {
  EventLoop loop;
  TcpServer gone(loop), rude(loop, [](Connection&connection) { connection.hang_up(); });
  gone.stop();
  auto it = ask(loop, rude.port(), kExpect);
  CHECK(it.wait().evidence == Evidence::soft);
  auto both = ask(loop, rude.port() + ", " + gone.port(), kExpect);
  CHECK(both.wait().evidence == Evidence::conclusive);
}

TEST_CASE("silence is reported by nobody, and named") {
  EventLoop loop;
  TcpServer silent(loop), talks(loop, [](Connection&connection) { connection.say("not yet"); });
  TcpServer good(loop, [](Connection& connection) { connection.say("ready"); });
  auto it = ask(loop, silent.port() + ", " + talks.port() + ", " + good.port(), kExpect);
  const auto owed = "no answer from " + silent.address() + " (connected), " + talks.address() +
                    R"( (said "not yet", without "ready"))";
  CHECK(it.wait_until([&] { return it.waiting_for() == owed; }));
  CHECK_FALSE(it.result());
  it.cancel();
}

TEST_CASE("a listener whose backlog is full owes an answer") {
  EventLoop loop;
  TcpServer full(loop);
  full.stop_accepting();
  // A backlog of none is one connection; the next one's SYN is dropped.
  std::vector<std::unique_ptr<Asking>> others;
  for (int i = 0; i < 2; ++i) {
    others.push_back(
        std::make_unique<Asking>(loop, R"({"ports": )" + full.port() + kExpect + "}", kTcpProbe));
  }
  auto it = ask(loop, full.port());
  CHECK(it.waiting_for() == "no answer from " + full.address());
  CHECK_FALSE(it.result());
}

TEST_CASE("what is expected may come in pieces, after other things, and as a banner") {
  std::size_t said = 0;
  EventLoop loop;
  TcpServer server(loop, [&](Connection& connection) { connection.say(said++ == 0 ? "220 rea" : "dy\r\n"); });
  auto it = ask(loop, server.port(), kExpect);
  CHECK(it.wait_until([&] { return it.waiting_for().ends_with(R"((said "220 rea", without "ready"))"); }));
  server.connections().front()->say("dy\r\n");
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == server.address() + R"( said "ready")");
}

TEST_CASE("what is expected is found wherever it ends") {
  for (const std::string before : {"", "r", "rearea", "rrrrrrrrr"}) {
    CAPTURE(before);
    CHECK(answered_by(
              [&](Connection& connection) {
                connection.say(before);
                connection.say("ready");
                connection.hang_up();
              },
              kExpect)
              .verdict == Verdict::pass);
  }
}

TEST_CASE("what comes behind the expected is no cause for a reset") {
  EventLoop loop;
  TcpServer server(loop, [](Connection& connection) { connection.say("ready" + std::string(20000, 'x')); });
  auto it = ask(loop, server.port(), kExpect);
  CHECK(it.wait().verdict == Verdict::pass);
  const auto& connection = *server.connections().front();
  CHECK(it.wait_until([&] { return connection.ended || connection.aborted; }));
  CHECK(connection.ended);
}

TEST_CASE("an end without what is expected") {
  const auto closed = answered_by([](Connection& connection) { connection.hang_up(); }, kExpect);
  CHECK(closed.verdict == Verdict::fail);
  CHECK(closed.evidence == Evidence::soft);
  CHECK(closed.reason == "closed");
  const auto wrong = answered_by(
      [](Connection& connection) {
        connection.say("-ERR\r\n");
        connection.hang_up();
      },
      kExpect);
  CHECK(wrong.reason == "wrong_answer");
  CHECK(wrong.detail == R"(closed after "-ERR\x0d\x0a", without "ready")");
  const auto reset = answered_by([](Connection& connection) { connection.reset(); }, kExpect);
  CHECK(reset.reason == "reset");
  CHECK(reset.evidence == Evidence::soft);
}

TEST_CASE("no more than 64 KiB are read") {
  EventLoop loop;
  const std::string flood(4096, 'x');
  TcpServer server(loop);
  auto it = ask(loop, server.port(), kExpect);
  CHECK(it.wait_until([&] { return !server.connections().empty(); }));
  for (int i = 0; i < 16 && !it.result(); ++i) {
    server.connections().front()->say(flood);
    ev_run(loop.raw(), EVRUN_NOWAIT);
  }
  const auto result = it.wait();
  CHECK(result.reason == "wrong_answer");
  CHECK(result.detail == server.address() + R"( no "ready" in 65536 octets)");
}

TEST_CASE("what is said arrives as meant, and its answer counts") {
  EventLoop loop;
  TcpServer server(loop, [](Connection& connection) {
    if (connection.heard == std::string("PING\t\\\0\xff\r\n", 10)) connection.say("+PONG\r\n");
  });
  const std::string send = R"(, "send": "PING\\t\\\\\\x00\\xff\\r\\n")";
  auto it = ask(loop, server.port(), send + R"(, "expect": "+PONG")");
  CHECK(it.wait().verdict == Verdict::pass);
  // With nothing to expect, it is said all the same.
  auto only = ask(loop, server.port(), send);
  CHECK(only.wait().verdict == Verdict::pass);
  CHECK(only.wait_until(
      [&] { return server.connections().size() == 2 && server.connections().back()->ended; }));
  CHECK(server.connections().back()->heard.size() == 10);
}

TEST_CASE("more than the socket takes at once is said to the end") {
  EventLoop loop;
  const std::size_t length = 8'000'000;
  TcpServer server(loop, [&](Connection& connection) {
    if (connection.heard.size() == length) connection.say("ready");
  });
  auto it = ask(loop, server.port(), R"(, "send": ")" + std::string(length, 'x') + "\"" + kExpect);
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("an attempt to connect can be given up at any moment") {
  EventLoop loop;
  TcpServer server(loop);
  auto it = ask(loop, server.port(), kExpect);
  it.cancel();
  it.again();
  CHECK(it.wait_until([&] { return it.waiting_for().ends_with("(connected)"); }));
  it.cancel();
  CHECK_FALSE(it.result());
}

TEST_CASE("what fails on this host says nothing of the ports") {
  EventLoop loop;
  TcpServer server(loop), gone(loop);
  gone.stop();
  auto it = ask(loop, server.port());
  CHECK(it.wait().verdict == Verdict::pass);
  {
    const NoDescriptors none;
    it.again();
  }
  auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "local_error");
  CHECK(result.detail == server.address() + " not asked (socket: Too many open files)");

  auto source = ask(loop, server.port() + ", " + gone.port(), R"(, "source": "192.0.2.77")");
  result = source.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.detail == server.address() + " not asked (bind: Cannot assign requested address); " +
                             gone.address() + " not asked (bind: Cannot assign requested address)");
  auto device = ask(loop, server.port(), R"(, "bind_device": "none-such0")");
  CHECK(device.wait().detail == server.address() + " not asked (bind to device: No such device)");
}

TEST_CASE("source and device of a connection are those asked for") {
  EventLoop loop;
  TcpServer server(loop);
  auto it = ask(loop, server.port(), R"(, "source": "127.0.0.9", "bind_device": "lo")" + kExpect);
  CHECK(it.wait_until([&] { return !server.connections().empty(); }));
  CHECK(server.connections().front()->peer.ip.to_string() == "127.0.0.9");
}
