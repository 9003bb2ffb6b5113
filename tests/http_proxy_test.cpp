// The http_proxy probe against a proxy that is played on loopback.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "probes/http_proxy_probe.hpp"
#include "tcp_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

using Connection = TcpServer::Connection;

const std::string kGood = "http://good.example/";
const std::string kOther = "http://other.example/";

// Answers by what the request line has in it, and nothing else.
TcpServer::Script answers(std::map<std::string, std::string> by) {
  return [by = std::move(by)](Connection& connection) {
    if (!connection.heard.ends_with("\r\n\r\n")) return;
    const auto line = connection.heard.substr(0, connection.heard.find("\r\n"));
    for (const auto& [part, answer] : by) {
      if (line.find(part) != std::string::npos) connection.say(answer);
    }
  };
}

std::string answer(const std::string& status, const std::string& more = "") {
  return "HTTP/1.1 " + status + "\r\n" + more + "Content-Length: 6\r\n\r\nready\n";
}

const std::string kDenied = answer("403 Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0\r\n");

Asking ask(EventLoop& loop, const TcpServer& proxy, const std::string& more) {
  return Asking(loop, R"({"server": ")" + proxy.address() + "\"" + more + "}", kHttpProxyProbe);
}

std::string url(const std::string& text) {
  return R"(, "url": ")" + text + "\"";
}

const std::string kBoth = R"(, "url": [")" + kGood + R"(", ")" + kOther + R"("])";

}  // namespace

TEST_CASE("a proxy is asked for a whole URL, whose name it looks up itself, past its cache") {
  EventLoop loop;
  TcpServer proxy(loop, answers({{kGood, answer("200 OK")}}));
  auto it = ask(loop, proxy, url(kGood) + R"(, "expect": "ready", "headers": "X-A: b")");
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == kGood + " by " + proxy.address() + R"( said 200 and "ready")");
  const auto& heard = proxy.connections().front()->heard;
  CHECK(heard.starts_with("GET " + kGood + " HTTP/1.1\r\nHost: good.example\r\n"));
  CHECK(heard.find("\r\nCache-Control: no-cache\r\n") != std::string::npos);
  CHECK(heard.find("\r\nX-A: b\r\n") != std::string::npos);
  CHECK(heard.find("Proxy-Authorization") == std::string::npos);
  auto own = ask(loop, proxy, url(kGood) + R"(, "headers": "cache-control: max-age=5")");
  CHECK(own.wait().verdict == Verdict::pass);
  CHECK(proxy.connections().back()->heard.find("no-cache") == std::string::npos);
}

TEST_CASE("without a URL its own icon is asked for, and the answer says what that is worth") {
  EventLoop loop;
  TcpServer proxy(loop, answers({{"HEAD /squid-internal-static/icons/", answer("200 OK")}}));
  auto it = ask(loop, proxy, "");
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == proxy.address() + " said 200, its own icon, which proves no forwarding");
  proxy.stop();
  it.again();
  CHECK(it.wait().detail == proxy.address() + " refused");
}

TEST_CASE("one URL that is fetched is enough, whatever becomes of the others") {
  EventLoop loop;
  TcpServer dead(loop, answers({{kGood, answer("200 OK")},
                                {kOther, answer("503 No", "X-Squid-Error: ERR_CONNECT_FAIL 111\r\n")}}));
  auto it = ask(loop, dead, kBoth);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == kGood + " by " + dead.address() + " said 200");
  TcpServer silent(loop, answers({{kGood, answer("200 OK")}}));
  auto half = ask(loop, silent, kBoth);
  CHECK(half.wait().verdict == Verdict::pass);
}

TEST_CASE("a proxy by which none can be fetched fails, and says why for each") {
  EventLoop loop;
  TcpServer proxy(loop, answers({{kGood, kDenied}, {kOther, answer("502 Bad Gateway")}}));
  auto it = ask(loop, proxy, kBoth);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::soft);
  CHECK(result.reason == "proxy_error");
  CHECK(result.detail == kGood + " by " + proxy.address() +
                             R"( said 403, an error of the proxy's own: "ERR_ACCESS_DENIED"; )" + kOther +
                             " by " + proxy.address() + " said 502, not 200-299");
  // One that fails decides nothing while the other is owed.
  TcpServer half(loop, answers({{kGood, kDenied}}));
  auto owing = ask(loop, half, kBoth);
  const auto owed = "no answer to " + kOther + " by " + half.address() + " (connected); " + kGood + " by " +
                    half.address() + R"( said 403, an error of the proxy's own: "ERR_ACCESS_DENIED")";
  CHECK(owing.wait_until([&] { return owing.waiting_for() == owed; }));
  CHECK_FALSE(owing.result());
}

TEST_CASE("a proxy that is gone is refused for all of its URLs") {
  EventLoop loop;
  TcpServer proxy(loop);
  proxy.stop();
  auto it = ask(loop, proxy, kBoth);
  const auto result = it.wait();
  CHECK(result.evidence == Evidence::conclusive);
  CHECK(result.reason == "refused");
}

TEST_CASE("without descriptors nothing is said of the proxy") {
  EventLoop loop;
  TcpServer proxy(loop, answers({{kGood, kDenied}, {kOther, kDenied}}));
  auto it = ask(loop, proxy, kBoth);
  CHECK(it.wait().verdict == Verdict::fail);
  {
    const NoDescriptors none;
    it.again();
  }
  CHECK(it.wait().verdict == Verdict::local_error);
}

TEST_CASE("a tunnel is opened, and nothing is said through it") {
  EventLoop loop;
  TcpServer proxy(loop, answers({{"CONNECT good.example:443 ", "HTTP/1.1 200 Connection established\r\n\r\n"},
                                 {"CONNECT other.example:80 ", kDenied}}));
  auto it = ask(loop, proxy, url("https://good.example/") + R"(, "method": "CONNECT", "headers": "X-A: b")");
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == "https://good.example/ by " + proxy.address() + " said 200");
  const auto& connection = *proxy.connections().front();
  CHECK(it.wait_until([&] { return connection.ended; }));
  CHECK(connection.heard.ends_with("\r\nX-A: b\r\n\r\n"));
  for (const auto& more : {url(kOther), url(kOther) + R"(, "accept": "200-499")"}) {
    auto denied = ask(loop, proxy, more + R"(, "method": "CONNECT")");
    const auto refused = denied.wait();
    CHECK(refused.verdict == Verdict::fail);
    CHECK(refused.reason == "proxy_error");
  }
}

TEST_CASE("https goes through a tunnel, and headers for the origin stay out of its opening") {
  EventLoop loop;
  bool opened = false;
  TcpServer proxy(loop, [&](Connection& connection) {
    if (!connection.heard.ends_with("\r\n\r\n")) return;
    opened = true;
    connection.say(connection.heard.find("other") == std::string::npos ? "HTTP/1.1 200 OK\r\n\r\n"
                                                                       : "HTTP/1.1 407 No\r\n\r\n");
    connection.hang_up();
  });
  auto it = ask(loop, proxy, url("https://good.example/") + R"(, "headers": "Authorization: geheim")");
  CHECK(it.wait().reason == "tls");  // the tunnel ends where the handshake should begin
  CHECK(opened);
  CHECK(proxy.connections().front()->heard.starts_with("CONNECT good.example:443 "));
  CHECK(proxy.connections().front()->heard.find("geheim") == std::string::npos);
  auto refused = ask(loop, proxy, url("https://other.example/"));
  CHECK(refused.wait().detail.ends_with(" said 407, not 200-299"));
  auto widened = ask(loop, proxy, url("https://other.example/") + R"(, "accept": "407")");
  CHECK(widened.wait().detail.ends_with(" said 407 for the tunnel"));
}

TEST_CASE("user name and password are told to the proxy, and to nobody else") {
  EventLoop loop;
  TcpServer proxy(loop, answers({{kGood, answer("407 No")}}));
  auto it = ask(loop, proxy, url(kGood) + R"(, "username": "me", "password": "geheim")");
  const auto result = it.wait();
  CHECK(result.reason == "status");
  CHECK(result.detail.find("geheim") == std::string::npos);
  CHECK(proxy.connections().front()->heard.find("\r\nProxy-Authorization: Basic bWU6Z2VoZWlt\r\n") !=
        std::string::npos);
}
