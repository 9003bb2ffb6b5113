// The syslog probe against a relay on loopback that does what each test says.
#include "probes/syslog_probe.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <regex>

#include "asking.hpp"
#include "core/config_reader.hpp"
#include "probes/syslog_message.hpp"
#include "probes/tcp_exchange.hpp"
#include "syslog_relay.hpp"
#include "tcp_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

Asking ask(EventLoop& loop, const std::string& send, const std::string& port, const std::string& more = "") {
  return Asking(loop, R"({"send": ")" + send + R"(", "listen": "127.0.0.1:)" + port + "\"" + more + "}",
                kSyslogProbe);
}

// What prober and keeper would be told of these options at a start.
std::vector<std::string> prepared(std::unique_ptr<Probe>& probe, EventLoop& loop, const std::string& json) {
  ConfigErrors errors;
  const auto document = parse_document("test", json);
  const ConfigReader reader(*document, errors);
  Options options(reader, kSyslogProbe.options);
  probe = kSyslogProbe.create(loop, options);
  if (probe) probe->prepare(options);
  return errors.lines();
}

const std::string kTokenPattern = "anyprobe-[0-9a-f]{32}";

}  // namespace

TEST_CASE("a line that comes back passes, each round has another") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port);
  auto it = ask(loop, relay.address(), port);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.reason == "ok");
  CHECK(result.detail == relay.address() + " over udp relayed to 127.0.0.1:" + port);
  it.again();
  CHECK(it.wait().verdict == Verdict::pass);
  REQUIRE(relay.lines().size() == 2);
  const std::regex line(
      "<135>[A-Z][a-z]{2} [ 0-9]\\d \\d\\d:\\d\\d:\\d\\d 127\\.0\\.0\\.1 syslog-probe: test " +
      kTokenPattern);
  for (const auto& said : relay.lines()) {
    CAPTURE(said);
    CHECK(std::regex_match(said, line));
  }
  const auto token = [](const std::string& said) { return said.substr(said.size() - kSyslogTokenLength); };
  CHECK(token(relay.lines()[0]) != token(relay.lines()[1]));
}

TEST_CASE("what the line says of itself is as wanted") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port);
  auto it = ask(loop, relay.address(), port,
                R"(, "format": "rfc5424", "facility": "daemon", "severity": "info", "tag": "probe",
                   "hostname": "node.example.org")");
  CHECK(it.wait().verdict == Verdict::pass);
  CAPTURE(relay.lines().front());
  CHECK(std::regex_match(
      relay.lines().front(),
      std::regex("<30>1 \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}(Z|[-+]\\d\\d:\\d\\d) "
                 "node\\.example\\.org probe - - - test " +
                 kTokenPattern)));
}

TEST_CASE("a relay may write header and form anew") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port, [](SyslogRelay& r, const std::string& line) {
    r.send(R"(<13>1 - relay app - - - {"m":")" + line.substr(line.size() - kSyslogTokenLength) + "\"}");
  });
  auto it = ask(loop, relay.address(), port);
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("a late line of an earlier round, and lines of others, do not pass") {
  EventLoop loop;
  const auto port = free_port();
  std::string late;
  SyslogRelay relay(loop, port, [&](SyslogRelay& r, const std::string& line) {
    if (!late.empty()) r.send(late);
    r.send("<13>Nov  1 08:05:09 other: test");
    r.send("");
    late = line;
  });
  auto it = ask(loop, relay.address(), port);
  const auto owed =
      "the line to " + relay.address() + " over udp did not come back to 127.0.0.1:" + port + " over udp";
  for (std::size_t round = 1; round <= 3; ++round) {
    CHECK(it.wait_until([&] { return relay.lines().size() == round; }));
    for (int i = 0; i < 10; ++i) ev_run(loop.raw(), EVRUN_NOWAIT);
    CHECK_FALSE(it.result());
    CHECK(it.waiting_for() == owed);
    CHECK(it.asked());
    it.again();
  }
}

TEST_CASE("where nobody listens, the refusal is conclusive") {
  EventLoop loop;
  const auto port = free_port();
  for (const std::string transport : {"udp", "tcp"}) {
    CAPTURE(transport);
    const auto nobody = "127.0.0.1:" + free_port();
    auto it = ask(loop, nobody, port, R"(, "transport": ")" + transport + "\"");
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.evidence == Evidence::conclusive);
    CHECK(result.reason == "refused");
    CHECK(result.detail == nobody + " over " + transport + " refused");
  }
}

TEST_CASE("over tcp a line is framed as wanted, each on a connection of its own") {
  for (const bool counted : {false, true}) {
    CAPTURE(counted);
    EventLoop loop;
    const auto port = free_port();
    const SyslogRelay out(loop, port);
    TcpServer server(loop, [&](TcpServer::Connection& connection) {
      if (!connection.heard.empty()) out.send(connection.heard);
    });
    auto it =
        ask(loop, server.address(), port,
            std::string(R"(, "transport": "tcp")") + (counted ? R"(, "framing": "octet-counting")" : ""));
    CHECK(it.wait().verdict == Verdict::pass);
    it.again();
    CHECK(it.wait().verdict == Verdict::pass);
    REQUIRE(server.connections().size() == 2);
    const auto& heard = server.connections().front()->heard;
    CAPTURE(heard);
    if (counted) {
      const auto space = heard.find(' ');
      CHECK(std::to_string(heard.size() - space - 1) == heard.substr(0, space));
      CHECK(heard.substr(space + 1, 5) == "<135>");
    } else {
      CHECK(heard.starts_with("<135>"));
      CHECK(heard.ends_with("\n"));
    }
    CHECK(it.wait_until([&] { return server.connections().front()->ended; }));
  }
}

TEST_CASE("a listener whose backlog is full owes a connection") {
  EventLoop loop;
  const auto port = free_port();
  TcpServer full(loop);
  full.stop_accepting();
  std::vector<std::unique_ptr<TcpExchange>> others;
  const TcpTarget target{*SocketAddress::parse(full.address(), 0), std::nullopt, ""};
  for (int i = 0; i < 2; ++i) {
    others.push_back(std::make_unique<TcpExchange>(loop, target, [](const TcpOutcome&) {}));
    others.back()->start({}, [](TcpExchange::Octets) { return false; });
  }
  auto it = ask(loop, full.address(), port, R"(, "transport": "tcp")");
  CHECK(it.waiting_for() == "no connection to " + full.address() + " over tcp yet");
}

TEST_CASE("lines come in over tcp, in pieces and on any of several connections") {
  EventLoop loop;
  const auto port = free_port();
  std::unique_ptr<SyslogConnection> one, two;
  SyslogRelay relay(loop, port, [&](SyslogRelay&, const std::string& line) {
    if (!one) one = std::make_unique<SyslogConnection>(port);
    if (!two) two = std::make_unique<SyslogConnection>(port);
    one->send(std::string(100000, 'x'));
    two->send(line.substr(0, line.size() - 7));
    two->send(line.substr(line.size() - 7) + "\n");
  });
  auto it = ask(loop, relay.address(), port, R"(, "listen_transport": "tcp")");
  CHECK(it.wait().verdict == Verdict::pass);
  two.reset();
  it.again();
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK_FALSE(one->ended());
}

TEST_CASE("of too many connections, the longest silent is closed") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port, [](SyslogRelay&, const std::string&) {});
  auto it = ask(loop, relay.address(), port, R"(, "listen_transport": "tcp")");
  std::vector<std::unique_ptr<SyslogConnection>> many;
  const auto taken = [&] {
    for (int i = 0; i < 10; ++i) ev_run(loop.raw(), EVRUN_NOWAIT);
  };
  for (int i = 0; i < 64; ++i) {
    many.push_back(std::make_unique<SyslogConnection>(port));
    taken();
  }
  many[0]->send("still here\n");
  taken();
  CHECK_FALSE(many[1]->ended());
  many.push_back(std::make_unique<SyslogConnection>(port));
  CHECK(it.wait_until([&] { return many[1]->ended(); }));
  CHECK_FALSE(many[0]->ended());
  REQUIRE_FALSE(relay.lines().empty());
  many[2]->send(relay.lines().front());
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("a connection that could not be taken is no fault of the relay, and is taken later") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port, [](SyslogRelay&, const std::string&) {});
  auto it = ask(loop, relay.address(), port, R"(, "listen_transport": "tcp")");
  const SyslogConnection connection(port);
  {
    const NoDescriptors none;
    CHECK(it.wait_until([&] { return !it.asked(); }));
  }
  CHECK(it.waiting_for().starts_with("a connection to 127.0.0.1:" + port +
                                     " could not be taken (Too many open files); the line to "));
  it.again();
  CHECK(it.asked());
  CHECK(it.wait_until([&] { return relay.lines().size() == 2; }));
  connection.send(relay.lines().back());
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("a Unix socket is written to as programs do") {
  for (const bool stream : {false, true}) {
    CAPTURE(stream);
    EventLoop loop;
    const auto port = free_port();
    const SyslogRelay out(loop, port);
    LocalSocket socket(stream ? SOCK_STREAM : SOCK_DGRAM);
    auto it = ask(loop, socket.path(), port);
    const auto line = socket.receive();
    CAPTURE(line);
    CHECK(std::regex_match(
        line.substr(0, line.size() - (stream ? 1 : 0)),
        std::regex("<135>[A-Z][a-z]{2} [ 0-9]\\d \\d\\d:\\d\\d:\\d\\d syslog-probe: test " + kTokenPattern)));
    CHECK((line.back() == '\0') == stream);
    out.send(line);
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::pass);
    CHECK(result.detail == socket.path() + " relayed to 127.0.0.1:" + port);
    const auto endpoints = it.probe().endpoints();
    REQUIRE(endpoints.size() == 1);
    CHECK(endpoints.front().protocol == Protocol::local);

    socket.stop();  // what is left is a file that nobody reads
    it.again();
    auto gone = it.wait();
    CHECK(gone.evidence == Evidence::conclusive);
    CHECK(gone.detail == socket.path() + " refused");
  }
  EventLoop loop;
  auto none = ask(loop, "/nonexistent/log", free_port());
  const auto result = none.wait();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::conclusive);
  CHECK(result.reason == "refused");
  CHECK(result.detail == "/nonexistent/log refused (connect: No such file or directory)");
}

TEST_CASE("a Unix socket whose queue is full takes no line until somebody reads") {
  EventLoop loop;
  const auto port = free_port();
  const LocalSocket socket(SOCK_DGRAM);
  auto it = ask(loop, socket.path(), port);
  for (int i = 0; i < 100000 && it.waiting_for() != socket.path() + " takes no line"; ++i) it.again();
  CHECK(it.waiting_for() == socket.path() + " takes no line");
  CHECK(it.asked());
  while (!socket.receive().empty()) continue;
  CHECK(it.wait_until([&] { return it.waiting_for() != socket.path() + " takes no line"; }));
  CHECK_FALSE(socket.receive().empty());
}

TEST_CASE("a round whose line may be among those lost here is not the relay's failure") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port);
  const std::string other(60000, 'x');
  auto it = ask(loop, relay.address(), port);
  CHECK(it.asked());
  // 16 MB, and nobody reads meanwhile.
  for (int i = 0; i < 300; ++i) relay.send(other);
  CHECK_FALSE(it.asked());
  CHECK(std::regex_search(
      it.waiting_for(),
      std::regex("^overflow: [1-9]\\d* datagrams lost on 127\\.0\\.0\\.1:" + port + "; the line to ")));
  CHECK(it.wait_until([&] { return !relay.lines().empty(); }));
  // If it came all the same, it passes; and the next round has lost nothing.
  it.again();
  CHECK(it.asked());
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("a flood of others' lines is read past") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port, [](SyslogRelay& r, const std::string& line) {
    for (int i = 0; i < 1000; ++i) r.send("<13>Nov  1 08:05:09 other: line " + std::to_string(i));
    r.send(line);
  });
  auto it = ask(loop, relay.address(), port);
  CHECK(it.wait().verdict == Verdict::pass);
  CHECK(it.asked());
}

TEST_CASE("probes of one process share a port, and each hears its own line") {
  EventLoop loop;
  const auto port = free_port();
  std::vector<std::string> held;
  const auto hold = [&](SyslogRelay&, const std::string& line) { held.push_back(line); };
  SyslogRelay relay(loop, port, hold);
  auto one = ask(loop, relay.address(), port);
  auto two = ask(loop, relay.address(), port);
  REQUIRE(one.wait_until([&] { return held.size() == 2; }));
  relay.send(held[1]);
  CHECK(two.wait().verdict == Verdict::pass);
  CHECK_FALSE(one.result());
  relay.send(held[0]);
  CHECK(one.wait().verdict == Verdict::pass);
}

TEST_CASE("a port is held from the start on, over a reload, and until no probe wants it") {
  const auto port = free_port();
  const auto options = [&](const std::string& send) {
    return R"({"send": ")" + send + R"(", "listen": "127.0.0.1:)" + port + "\"}";
  };
  for (const std::string transport : {"udp", "tcp"}) {
    CAPTURE(transport);
    const auto more = R"(, "listen_transport": ")" + transport + "\"}";
    const auto with = [&](const std::string& json) { return json.substr(0, json.size() - 1) + more; };
    EventLoop loop, elsewhere;  // another loop stands for another process
    std::unique_ptr<Probe> old, changed, other;
    CHECK(prepared(old, loop, with(options("127.0.0.1:1"))).empty());
    const std::vector<std::string> taken = {"test: listen: 127.0.0.1:" + port +
                                            " is taken: Address already in use"};
    CHECK(prepared(other, elsewhere, with(options("127.0.0.1:1"))) == taken);
    // A reload makes the new one first.
    CHECK(prepared(changed, loop, with(options("localhost:2"))).empty());
    old.reset();
    CHECK(prepared(other, elsewhere, with(options("127.0.0.1:1"))) == taken);
    std::unique_ptr<Probe> wide;
    CHECK(prepared(wide, loop, with(R"({"listen": "0.0.0.0:)" + port + "\"}")) ==
          std::vector<std::string>{"test: listen: 0.0.0.0:" + port +
                                   " is taken: this process listens on 127.0.0.1:" + port + " already"});
    changed.reset();
    CHECK(prepared(other, elsewhere, with(options("127.0.0.1:1"))).empty());
  }
}

TEST_CASE("who only checks cannot ask while somebody else has the port") {
  EventLoop loop, elsewhere;
  const auto port = free_port();
  SyslogRelay relay(loop, port);
  auto daemon = std::make_unique<Asking>(elsewhere, R"({"listen": "127.0.0.1:)" + port + "\"}", kSyslogProbe);
  // To judge the options, the port is not touched.
  CHECK(errors_of(R"({"listen": "127.0.0.1:)" + port + "\"}", kSyslogProbe).empty());
  auto it = ask(loop, relay.address(), port);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "local_error");
  CHECK(result.detail == "127.0.0.1:" + port + " is taken: Address already in use");
  daemon.reset();
  it.again();
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("what fails on this host says nothing of the relay") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port);
  auto it = ask(loop, relay.address(), port);
  auto local = ask(loop, "/nonexistent/log", port);
  CHECK(it.wait().verdict == Verdict::pass);
  it.cancel();  // and its descriptor with it
  {
    const NoDescriptors none;
    it.again();
    local.again();
  }
  auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.detail == relay.address() + " over udp not asked (socket: Too many open files)");
  CHECK(local.wait().detail == "/nonexistent/log not asked (socket: Too many open files)");
  auto source = ask(loop, relay.address(), port, R"(, "source": "192.0.2.77")");
  CHECK(source.wait().detail ==
        relay.address() + " over udp not asked (bind: Cannot assign requested address)");
  auto device = ask(loop, relay.address(), port, R"(, "transport": "tcp", "bind_device": "none-such0")");
  CHECK(device.wait().detail == relay.address() + " over tcp not asked (bind to device: No such device)");
}

TEST_CASE("an attempt can be given up at any moment") {
  EventLoop loop;
  const auto port = free_port();
  SyslogRelay relay(loop, port);
  auto it = ask(loop, relay.address(), port);
  it.cancel();
  CHECK(it.wait_until([&] { return !relay.lines().empty(); }));
  for (int i = 0; i < 10; ++i) ev_run(loop.raw(), EVRUN_NOWAIT);
  CHECK_FALSE(it.result());
}
