// The sip probe against a server on loopback that does what each test says.
#include "probes/sip_probe.hpp"

#include <doctest/doctest.h>

#include <set>

#include "asking.hpp"
#include "datagram_server.hpp"
#include "tcp_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

using Datagram = DatagramServer::Datagram;
using Connection = TcpServer::Connection;

// The value of a header of the request, as it stands there.
std::string header(const std::string& request, const std::string& name) {
  const auto at = request.find("\r\n" + name + ": ");
  REQUIRE(at != std::string::npos);
  const auto begin = at + name.size() + 4;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

std::string response_to(const std::string& request, const std::string& status = "200 OK",
                        const std::string& body = "") {
  std::string out = "SIP/2.0 " + status + "\r\n";
  for (const std::string name : {"Via", "From", "To", "Call-ID", "CSeq"}) {
    out += name + ": " + header(request, name) + "\r\n";
  }
  return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string changed(std::string text, const std::string& what, const std::string& by) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

Asking ask(EventLoop& loop, const std::string& server, const std::string& more = "") {
  return Asking(loop, R"({"server": ")" + server + "\"" + more + "}", kSipProbe);
}

const std::string kTcp = R"(, "transport": "tcp")";

// The result of one round with a server that answers by this status.
Result answered_by(const std::string& status, const std::string& more = "") {
  EventLoop loop;
  DatagramServer server(loop, [&](DatagramServer& at, const Datagram& question) {
    at.send(question.from, response_to(question.text(), status));
  });
  auto it = ask(loop, server.address(), more);
  auto result = it.wait();
  CHECK(result.detail.starts_with(server.address() + " "));
  result.detail.erase(0, server.address().size() + 1);
  return result;
}

TcpServer::Script answers_whole(const std::string& status = "200 OK") {
  return [status](Connection& connection) {
    if (connection.heard.ends_with("\r\n\r\n")) connection.say(response_to(connection.heard, status));
  };
}

}  // namespace

TEST_CASE("a server that answers OPTIONS over UDP passes, over both families") {
  for (const std::string ip : {"127.0.0.1", "::1"}) {
    CAPTURE(ip);
    EventLoop loop;
    DatagramServer server(
        loop,
        [](DatagramServer& at, const Datagram& question) {
          at.send(question.from, response_to(question.text()));
        },
        ip);
    auto it = ask(loop, server.address());
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.reason == "ok");
    CHECK(result.detail == server.address() + R"( answered 200 "OK")");
    const auto request = server.received().front().text();
    CHECK(request.starts_with("OPTIONS sip:" + server.address() + " SIP/2.0\r\n"));
    CHECK(header(request, "Via")
              .starts_with("SIP/2.0/UDP " + server.received().front().from.to_string() + ";"));
    CHECK(header(request, "Route") == "<sip:" + server.address() + ";lr>");
    it.again();
    CHECK(it.wait().verdict == Verdict::pass);
  }
}

TEST_CASE("a server that answers OPTIONS over TCP passes, in pieces and after other messages") {
  for (const std::string ip : {"127.0.0.1", "::1"}) {
    CAPTURE(ip);
    EventLoop loop;
    TcpServer server(loop, answers_whole(), ip);
    auto it = ask(loop, server.address(), kTcp);
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.detail == server.address() + R"( answered 200 "OK")");
    const auto& request = server.connections().front()->heard;
    CHECK(header(request, "Via").starts_with("SIP/2.0/TCP "));
    CHECK(header(request, "Route") == "<sip:" + server.address() + ";transport=tcp;lr>");
  }

  EventLoop loop;
  TcpServer server(loop);
  auto it = ask(loop, server.address(), kTcp);
  const auto heard = [&] {
    return !server.connections().empty() && server.connections().front()->heard.ends_with("\r\n\r\n");
  };
  REQUIRE(it.wait_until(heard));
  const auto& connection = *server.connections().front();
  connection.say("\r\n\r\nOPTIONS sip:192.0.2.1 SIP/2.0\r\nCall-ID: theirs\r\nContent-Length: 0\r\n\r\n");
  connection.say(response_to(connection.heard, "100 Trying"));
  connection.say(changed(response_to(connection.heard, "503 Busy", "a body"), ";tag=", ";tag=x"));
  const auto owed =
      "no answer from " + server.address() +
      " over tcp (provisional 100, 1 response to something else, 1 message that is no response)";
  CHECK(it.wait_until([&] { return it.waiting_for() == owed; }));
  const auto answer = response_to(connection.heard, "200 OK", "body");
  connection.say(answer.substr(0, 40));
  connection.say(answer.substr(40, answer.size() - 41));
  for (int i = 0; i < 5; ++i) ev_run(loop.raw(), EVRUN_NOWAIT);
  CHECK_FALSE(it.result());
  connection.say(answer.substr(answer.size() - 1));
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("answers from 200 to 299 pass, and accept widens it") {
  CHECK(answered_by("299 Odd").verdict == Verdict::pass);
  const auto busy = answered_by("503 Service Unavailable");
  CHECK(busy.verdict == Verdict::fail);
  CHECK(busy.evidence == Evidence::soft);
  CHECK(busy.reason == "wrong_status");
  CHECK(busy.detail == R"(answered 503 "Service Unavailable")");
  for (const std::string status : {"300 Choices", "401 Unauthorized", "404 Not Found", "600 Busy"}) {
    CAPTURE(status);
    CHECK(answered_by(status).verdict == Verdict::fail);
    CHECK(answered_by(status, R"(, "accept": ["300", "4xx", "600-603"])").verdict == Verdict::pass);
  }
  CHECK(answered_by("200 OK", R"(, "accept": "404")").verdict == Verdict::pass);
  CHECK(answered_by("405 No", R"(, "accept": "404")").verdict == Verdict::fail);
  CHECK(answered_by("404").detail == "answered 404");
}

TEST_CASE("whatever is no answer to this request is read past") {
  EventLoop loop;
  DatagramServer server(loop, [](DatagramServer& at, const Datagram& question) {
    const auto good = response_to(question.text());
    at.send(question.from, changed(good, "branch=z9hG4bK", "branch=z9hG4bKx"));
    at.send(question.from, changed(good, "Call-ID: ", "Call-ID: x"));
    at.send(question.from, changed(good, ";tag=", ";tag=x"));
    at.send(question.from, changed(good, "1 OPTIONS", "2 OPTIONS"));
    at.send(question.from, changed(good, "1 OPTIONS", "1 INVITE"));
    at.send(question.from, changed(good, "200 OK", "180 Ringing"));
    at.send(question.from, question.text());  // an echo
    at.send(question.from, good.substr(0, good.size() - 2));
    at.send(question.from, std::string());
  });
  auto it = ask(loop, server.address());
  const auto owed =
      "no answer from " + server.address() +
      " over udp (provisional 180, 5 responses to something else, 3 messages that are no response)";
  CHECK(it.wait_until([&] { return it.waiting_for() == owed; }));
  CHECK_FALSE(it.result());
  const auto question = server.received().front();
  server.send(question.from, response_to(question.text()));
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("the same request is sent again after half a second, each round's is another") {
  EventLoop loop;
  DatagramServer server(loop, [](DatagramServer& at, const Datagram& question) {
    if (at.received().size() == 3) at.send(question.from, response_to(question.text()));
  });
  auto it = ask(loop, server.address());
  const auto begun = Clock::now();
  CHECK(it.wait().verdict == Verdict::pass);
  const auto took = Clock::now() - begun;
  CHECK(took > std::chrono::milliseconds(1400));  // 500 ms, then 1 s
  CHECK(took < std::chrono::seconds(4));
  CHECK(server.received()[0].octets == server.received()[1].octets);
  CHECK(server.received()[0].octets == server.received()[2].octets);
  CHECK(server.received()[0].from == server.received()[2].from);

  it.again();
  CHECK(it.wait_until([&] { return server.received().size() == 4; }));
  it.again();
  CHECK(it.wait_until([&] { return server.received().size() == 5; }));
  std::set<std::string> branches, calls, tags;
  for (const std::size_t i : {0U, 3U, 4U}) {
    const auto request = server.received()[i].text();
    const auto via = header(request, "Via");
    const auto branch = via.substr(via.find("branch=") + 7, 39);
    CHECK(branch.starts_with("z9hG4bK"));
    CHECK(branch.find_first_not_of("0123456789abcdef", 7) == std::string::npos);
    branches.insert(branch);
    calls.insert(header(request, "Call-ID"));
    tags.insert(header(request, "From"));
  }
  CHECK(branches.size() == 3);
  CHECK(calls.size() == 3);
  CHECK(tags.size() == 3);
  const auto late = server.received()[0];
  server.send(server.received()[4].from, response_to(late.text()));
  CHECK(it.wait_until([&] { return it.waiting_for().ends_with("(1 response to something else)"); }));
}

TEST_CASE("a refused port is conclusive over both transports") {
  EventLoop loop;
  DatagramServer udp(loop);
  TcpServer tcp(loop);
  udp.stop();
  tcp.stop();
  auto over_udp = ask(loop, udp.address());
  CHECK(over_udp.wait().evidence == Evidence::conclusive);
  CHECK(over_udp.result()->reason == "refused");
  auto over_tcp = ask(loop, tcp.address(), kTcp);
  CHECK(over_tcp.wait().evidence == Evidence::conclusive);
  CHECK(over_tcp.result()->reason == "refused");
}

TEST_CASE("a connection that ends before the answer fails") {
  EventLoop loop;
  TcpServer closes(loop, [](Connection& connection) {
    if (!connection.heard.empty()) connection.hang_up();
  });
  auto it = ask(loop, closes.address(), kTcp);
  CHECK(it.wait().reason == "closed");
  TcpServer resets(loop, [](Connection& connection) {
    if (!connection.heard.empty()) connection.reset();
  });
  auto other = ask(loop, resets.address(), kTcp);
  CHECK(other.wait().reason == "reset");
  CHECK(other.result()->verdict == Verdict::fail);
}

TEST_CASE("a stream that is no SIP fails where it shows, and is bounded where it does not") {
  EventLoop loop;
  TcpServer malformed(loop, [](Connection& connection) {
    if (!connection.heard.empty()) connection.say("HTTP/1.1 400 Bad Request\r\nContent-Length: many\r\n\r\n");
  });
  auto it = ask(loop, malformed.address(), kTcp);
  CHECK(it.wait().reason == "malformed");
  CHECK(it.result()->detail == malformed.address() + " said what is no SIP");
  TcpServer endless(loop, [](Connection& connection) {
    if (!connection.heard.empty()) connection.say(std::string(65536, 'x'));
  });
  auto other = ask(loop, endless.address(), kTcp);
  CHECK(other.wait().reason == "malformed");
  CHECK(other.result()->detail == endless.address() + " said 65536 octets and no answer");
}

TEST_CASE("silence is reported by nobody, and named") {
  EventLoop loop;
  DatagramServer udp(loop);
  TcpServer tcp(loop);
  auto over_udp = ask(loop, udp.address());
  auto over_tcp = ask(loop, tcp.address(), kTcp);
  CHECK(over_tcp.wait_until([&] {
    return !udp.received().empty() && !tcp.connections().empty() && !tcp.connections().front()->heard.empty();
  }));
  CHECK(over_udp.waiting_for() == "no answer from " + udp.address() + " over udp");
  CHECK(over_tcp.waiting_for() == "no answer from " + tcp.address() + " over tcp");
  CHECK_FALSE(over_udp.result());
  CHECK_FALSE(over_tcp.result());
}

TEST_CASE("without a descriptor nothing is asked") {
  EventLoop loop;
  DatagramServer server(loop);
  for (const auto& more : {std::string(), kTcp}) {
    auto it = ask(loop, server.address(), more);
    it.cancel();
    const NoDescriptors none;
    it.again();
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::local_error);
    CHECK(result.detail == server.address() + ": socket: Too many open files");
  }
}

TEST_CASE("it asks for the domain and as the user, from the source and through the device") {
  EventLoop loop;
  DatagramServer server(loop, [](DatagramServer& at, const Datagram& question) {
    at.send(question.from, response_to(question.text()));
  });
  auto it =
      ask(loop, server.address(),
          R"(, "domain": "sip.example.org", "user": "watch.1", "source": "127.0.0.2", "bind_device": "lo")");
  CHECK(it.wait().verdict == Verdict::pass);
  const auto& question = server.received().front();
  const auto request = question.text();
  CHECK(request.starts_with("OPTIONS sip:sip.example.org SIP/2.0\r\n"));
  CHECK(header(request, "To") == "<sip:sip.example.org>");
  CHECK(header(request, "From").starts_with("<sip:watch.1@sip.example.org>;tag="));
  CHECK(header(request, "Contact") == "<sip:watch.1@" + question.from.to_string() + ">");
  CHECK(question.from.ip.to_string() == "127.0.0.2");
  const auto endpoints = it.probe().endpoints();
  REQUIRE(endpoints.size() == 1);
  CHECK(endpoints[0].device == "lo");
  CHECK(endpoints[0].protocol == Protocol::udp);

  const Asking usual(loop, R"({"transport": "tcp"})", kSipProbe);
  CHECK(usual.probe().endpoints().front().address.to_string() == "127.0.0.1:5060");
  CHECK(usual.probe().endpoints().front().protocol == Protocol::tcp);
}

TEST_CASE("the sip probe declares every option with its help, and each error names its option") {
  CHECK(std::string(kSipProbe.type) == "sip");
  CHECK(kSipProbe.program == nullptr);
  for (const auto& option : kSipProbe.options) {
    CAPTURE(option.name);
    CHECK_FALSE(std::string(option.help).empty());
    CHECK_FALSE(std::string(option.help).ends_with('.'));
  }
  const auto error_of = [](const std::string& options) {
    const auto lines = errors_of("{" + options + "}", kSipProbe);
    REQUIRE(lines.size() == 1);
    return lines.front();
  };
  const auto has = [](const std::string& line, const std::string& part) {
    CAPTURE(line);
    CHECK(line.find(part) != std::string::npos);
  };
  has(error_of(R"("transport": "tls")"), R"(transport: "tls")");
  has(error_of(R"("accept": ["404", "100"])"), R"(accept[1]: "100" is not from 200 to 699)");
  has(error_of(R"("accept": "700-799")"), R"(accept: "700-799" is not from 200 to 699)");
  has(error_of(R"("accept": ["4x4"])"), R"(accept[0]: "4x4" is no status)");
  has(error_of(R"("user": "")"), R"(user: "" is no user)");
  has(error_of(R"("user": "a b")"), R"(user: "a b" is no user)");
  has(error_of(R"("user": "a>\r\nX: y")"), "user: ");
  has(error_of(R"("domain": "sip:example.org")"), "domain: ");
  has(error_of(R"("server": "192.0.2.1", "source": "2001:db8::1")"), "source: ");
  has(error_of(R"("bind_device": "")"), "bind_device: ");
  CHECK(
      errors_of(R"({"server": "sip.example.org", "domain": "[2001:db8::1]:5070", "accept": ["404", "48x"]})",
                kSipProbe)
          .size() == 1);
  CHECK(errors_of(R"({"server": "sip.example.org", "domain": "[2001:db8::1]:5070", "accept": "404"})",
                  kSipProbe)
            .empty());
}
