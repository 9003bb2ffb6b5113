// The http probe against a listener on loopback that does what each test says.
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cstdlib>

#include "asking.hpp"
#include "probes/http_probe.hpp"
#include "tcp_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

using Connection = TcpServer::Connection;

bool asked(const Connection& connection) {
  return connection.heard.ends_with("\r\n\r\n");
}

// Says this to whoever has asked, and hangs up if the length is not told.
TcpServer::Script says(const std::string& answer) {
  return [answer](Connection& connection) {
    if (!asked(connection)) return;
    connection.say(answer);
    if (answer.find("Length:") == std::string::npos) connection.hang_up();
  };
}

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n";

std::string url_of(const TcpServer& server) {
  return "http://" + server.address() + "/";
}

Asking ask(EventLoop& loop, const TcpServer& server, const std::string& more = "") {
  return Asking(loop, R"({"url": ")" + url_of(server) + "\"" + more + "}", kHttpProbe);
}

// One round with a listener that has this script; the detail without what was asked.
Result answered_by(const TcpServer::Script& script, const std::string& more = "") {
  EventLoop loop;
  TcpServer server(loop, script);
  auto it = ask(loop, server, more);
  auto result = it.wait();
  const auto name = url_of(server) + " from " + server.address() + " ";
  CHECK(result.detail.starts_with(name));
  result.detail.erase(0, name.size());
  return result;
}

// Set in the environment while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Variable() { ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

const std::string kExpect = R"(, "expect": "ready")";

}  // namespace

TEST_CASE("a good answer passes, over both families, on a connection of its own each round") {
  for (const std::string ip : {"127.0.0.1", "::1"}) {
    CAPTURE(ip);
    EventLoop loop;
    TcpServer server(loop, says(kOk), ip);
    auto it = ask(loop, server);
    for (std::size_t round = 1; round <= 5; ++round) {
      const auto result = it.wait();
      CHECK(result.verdict == Verdict::pass);
      CHECK(result.reason == "ok");
      CHECK(result.detail == url_of(server) + " from " + server.address() + " said 200");
      CHECK(server.connections().size() == round);
      it.again();
    }
  }
}

TEST_CASE("the question is that of the URL, at whatever address it is put") {
  EventLoop loop;
  TcpServer server(loop, says(kOk), "127.0.0.2");
  Asking it(loop,
            R"({"url": "http://www.example.org/a?b#c", "server": ")" + server.address() +
                R"(", "headers": ["X-Token: geheim", "Accept: text/plain"]})",
            kHttpProbe);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == "http://www.example.org/a?b#c from " + server.address() + " said 200");
  const auto& heard = server.connections().front()->heard;
  CHECK(heard.starts_with("GET /a?b HTTP/1.1\r\n"));
  for (const char* line : {"\r\nHost: www.example.org\r\n", "\r\nUser-Agent: anyprobe\r\n",
                           "\r\nX-Token: geheim\r\n", "\r\nAccept: text/plain\r\n"}) {
    CAPTURE(line);
    CHECK(heard.find(line) != std::string::npos);
  }
  CHECK(heard.find("*/*") == std::string::npos);
}

TEST_CASE("nothing of the environment counts") {
  EventLoop loop;
  TcpServer server(loop, says(kOk)), other(loop);
  const Variable proxy("http_proxy", "http://" + other.address());
  const Variable all("ALL_PROXY", "http://" + other.address());
  auto it = ask(loop, server);
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(other.connections().empty());
}

TEST_CASE("HEAD asks for no body and waits for none") {
  EventLoop loop;
  TcpServer server(loop, says("HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Node: near\r\n\r\n"));
  auto it = ask(loop, server, R"(, "method": "HEAD", "expect_header": "X-Node: near")");
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(server.connections().front()->heard.starts_with("HEAD / "));
}

TEST_CASE("a redirection is not followed") {
  EventLoop loop;
  TcpServer elsewhere(loop, says(kOk));
  TcpServer server(
      loop, says("HTTP/1.1 302 Found\r\nLocation: " + url_of(elsewhere) + "\r\nContent-Length: 0\r\n\r\n"));
  auto it = ask(loop, server);
  CHECK(it.wait().reason == "status");
  CHECK(elsewhere.connections().empty());
  auto accepting = ask(loop, server, R"(, "accept": "302")");
  CHECK(accepting.wait().verdict == Verdict::pass);
}

TEST_CASE("bodies of every kind are read") {
  const auto chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r\n3\r\ndy\n\r\n0\r\n\r\n";
  CHECK(answered_by(says(chunked), kExpect).verdict == Verdict::pass);
  CHECK(answered_by(says("HTTP/1.0 200 OK\r\n\r\nready"), kExpect).verdict == Verdict::pass);
  const auto without = answered_by(says("HTTP/1.0 200 OK\r\n\r\nnot yet"), kExpect);
  CHECK(without.reason == "wrong_answer");
  CHECK(without.detail == R"(said 200 without "ready" in 7 octets)");
}

TEST_CASE("what is expected is enough, whatever comes behind it") {
  EventLoop loop;
  TcpServer server(loop,
                   says("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nready" + std::string(60000, 'x')));
  auto it = ask(loop, server, kExpect);
  CHECK(it.wait().verdict == Verdict::pass);
  const auto& connection = *server.connections().front();
  CHECK(it.wait_until([&] { return connection.ended || connection.aborted; }));
  CHECK(connection.ended);
}

TEST_CASE("no more than 64 KiB of a body are read") {
  EventLoop loop;
  TcpServer server(loop,
                   says("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(66000, 'x')));
  auto it = ask(loop, server);
  CHECK(it.wait().verdict == Verdict::pass);
  auto expecting = ask(loop, server, kExpect);
  const auto result = expecting.wait();
  CHECK(result.reason == "wrong_answer");
  CHECK(result.detail.ends_with(R"(said 200 without "ready" in 65536 octets)"));
}

TEST_CASE("a header without an end is cut short") {
  EventLoop loop;
  TcpServer server(loop, [](Connection& connection) {
    if (asked(connection)) connection.say("HTTP/1.1 200 OK\r\n");
  });
  auto it = ask(loop, server);
  CHECK(it.wait_until([&] { return it.waiting_for().ends_with("(said 200)"); }));
  for (int i = 0; i < 2000 && !it.result(); ++i) {
    server.connections().front()->say("X-A: " + std::string(60, 'x') + "\r\n");
    ev_run(loop.raw(), EVRUN_NOWAIT);
  }
  const auto result = it.wait();
  CHECK(result.reason == "malformed");
  CHECK(result.detail.ends_with("header of more than 65536 octets"));
}

TEST_CASE("silence is reported by nobody, and what came before it is named") {
  EventLoop loop;
  TcpServer server(loop);
  auto it = ask(loop, server, kExpect);
  const auto owed = "no answer to " + url_of(server) + " from " + server.address();
  CHECK(it.wait_until([&] { return it.waiting_for() == owed + " (connected)"; }));
  CHECK(it.wait_until([&] { return !server.connections().empty() && asked(*server.connections().front()); }));
  auto& connection = *server.connections().front();
  connection.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
  CHECK(it.wait_until([&] { return it.waiting_for() == owed + " (said 200)"; }));
  connection.say("rea");
  CHECK(it.wait_until([&] { return it.waiting_for() == owed + " (said 200 and 3 octets)"; }));
  CHECK_FALSE(it.result());
  connection.say("dy\n");
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("a round can be given up at any moment") {
  EventLoop loop;
  TcpServer server(loop);
  auto it = ask(loop, server);
  it.cancel();
  it.again();
  CHECK(it.wait_until([&] { return it.waiting_for().ends_with("(connected)"); }));
  it.cancel();
  CHECK(it.wait_until([&] {
    return !server.connections().empty() &&
           (server.connections().back()->ended || server.connections().back()->aborted);
  }));
  CHECK_FALSE(it.result());
}

TEST_CASE("a listener whose backlog is full owes an answer") {
  EventLoop loop;
  TcpServer full(loop);
  full.stop_accepting();
  std::vector<std::unique_ptr<Asking>> others;
  const auto options = R"({"url": ")" + url_of(full) + "\"}";
  for (int i = 0; i < 2; ++i) others.push_back(std::make_unique<Asking>(loop, options, kHttpProbe));
  auto it = ask(loop, full);
  CHECK(it.waiting_for() == "no answer to " + url_of(full) + " from " + full.address());
  CHECK_FALSE(it.result());
}

TEST_CASE("an end before the whole answer") {
  EventLoop loop;
  TcpServer gone(loop);
  gone.stop();
  auto it = ask(loop, gone);
  const auto refused = it.wait();
  CHECK(refused.evidence == Evidence::conclusive);
  CHECK(refused.reason == "refused");
  CHECK(refused.detail == url_of(gone) + " from " + gone.address() + " refused");

  const auto closed = answered_by([](Connection& connection) { connection.hang_up(); });
  CHECK(closed.verdict == Verdict::fail);
  CHECK(closed.evidence == Evidence::soft);
  CHECK((closed.reason == "closed" || closed.reason == "reset"));
  const auto empty = answered_by([](Connection& connection) {
    if (asked(connection)) connection.hang_up();
  });
  CHECK(empty.reason == "closed");
  CHECK(empty.detail == "closed without an answer");
  const auto reset = answered_by([](Connection& connection) {
    if (asked(connection)) connection.reset();
  });
  CHECK(reset.reason == "reset");
  const auto part = answered_by([](Connection& connection) {
    if (!asked(connection)) return;
    connection.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nrea");
    connection.hang_up();
  });
  CHECK(part.reason == "closed");
  CHECK(part.detail == "closed after 200 and 3 octets");
}

TEST_CASE("what is no HTTP is malformed") {
  for (const std::string answer :
       {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"}) {
    CAPTURE(answer);
    const auto result = answered_by([&](Connection& connection) {
      if (!asked(connection)) return;
      connection.say(answer);
      connection.hang_up();
    });
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.reason == "malformed");
  }
}

TEST_CASE("a listener without TLS fails a question by https") {
  EventLoop loop;
  TcpServer server(loop, [](Connection& connection) {
    if (!connection.heard.empty()) connection.say("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  Asking it(loop, R"({"url": "https://)" + server.address() + R"("})", kHttpProbe);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "tls");
}

TEST_CASE("of several URLs, all must pass, and one that fails decides") {
  EventLoop loop;
  TcpServer one(loop, says(kOk)), two(loop, says(kOk)), silent(loop), gone(loop);
  gone.stop();
  const auto urls = [&](std::initializer_list<const TcpServer*> servers) {
    std::string list;
    for (const auto* server : servers) list += (list.empty() ? "\"" : ", \"") + url_of(*server) + "\"";
    return R"({"url": [)" + list + "]}";
  };
  const auto name = [](const TcpServer& server) { return url_of(server) + " from " + server.address(); };
  Asking both(loop, urls({&one, &two}), kHttpProbe);
  CHECK(both.wait().detail == name(one) + " said 200; " + name(two) + " said 200");
  Asking it(loop, urls({&silent, &gone, &one}), kHttpProbe);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::conclusive);
  CHECK(result.detail.find(name(silent) + " no answer yet; " + name(gone) + " refused") == 0);
}

TEST_CASE("what fails on this host says nothing of the server") {
  EventLoop loop;
  TcpServer server(loop, says(kOk));
  auto it = ask(loop, server);
  CHECK(it.wait().verdict == Verdict::pass);
  {
    const NoDescriptors none;
    it.again();
  }
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.detail.ends_with(" not asked (socket: Too many open files)"));
  it.again();
  CHECK(it.wait().verdict == Verdict::pass);
  auto source = ask(loop, server, R"(, "source": "192.0.2.77")");
  CHECK(source.wait().detail.ends_with(" not asked (bind: Cannot assign requested address)"));
  auto device = ask(loop, server, R"(, "bind_device": "none-such0")");
  CHECK(device.wait().detail.ends_with(" not asked (bind to device: No such device)"));
  // From loopback there is no way elsewhere: connect() itself says so.
  Asking nowhere(loop, R"({"url": "http://192.0.2.1/", "source": "127.0.0.1"})", kHttpProbe);
  CHECK(nowhere.wait().verdict == Verdict::local_error);
}

TEST_CASE("source and device of a question are those asked for") {
  EventLoop loop;
  TcpServer server(loop, says(kOk));
  auto it = ask(loop, server, R"(, "source": "127.0.0.9", "bind_device": "lo")");
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(server.connections().front()->peer.ip.to_string() == "127.0.0.9");
}
