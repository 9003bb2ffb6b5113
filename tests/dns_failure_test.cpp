// The dns probe where no proper answer comes: silence, refusal, garbage, and failures of this host.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cerrno>
#include <set>

#include "core/descriptor.hpp"
#include "dns_server.hpp"
#include "probes/dns_port.hpp"

using namespace anyprobe;
using namespace anyprobe::test;
using namespace std::chrono_literals;

namespace {

std::string asking(const std::string& server, const std::string& more = "") {
  return R"({"query": "www.example.org", "server": ")" + server + "\"" + more + "}";
}

void good(DnsReply& reply) {
  reply.a("192.0.2.1");
}

// The answer to one question, whatever octets it is.
Result answered_by(const std::function<DnsPacket(const DnsRequest&)>& make, const std::string& more = "") {
  EventLoop loop;
  DnsServer server(loop,
                   [&](DnsServer& self, const DnsRequest& request) { self.send(request, make(request)); });
  Asking it(loop, asking(server.address(), more));
  return it.wait();
}

}  // namespace

TEST_CASE("silence is reported by nobody, and named") {
  EventLoop loop;
  DnsServer server(loop, says_nothing());
  for (const std::string transport : {"udp", "tcp"}) {
    Asking it(loop, asking(server.address(), R"(, "transport": ")" + transport + "\""));
    const auto before = server.requests().size();
    CHECK(it.wait_until([&] { return server.requests().size() > before; }));
    CHECK_FALSE(it.result());
    CHECK(it.waiting_for() == "no answer from " + server.address() + " over " + transport);
  }
}

TEST_CASE("an attempt can be given up at any moment") {
  EventLoop loop;
  DnsServer server(loop, answers(good));
  for (const std::string transport : {"udp", "tcp", "both"}) {
    Asking it(loop, asking(server.address(), R"(, "transport": ")" + transport + "\""));
    it.cancel();
    CHECK_FALSE(it.result());
    it.again();
    const auto before = server.requests().size();
    CHECK(it.wait_until([&] { return server.requests().size() > before; }));
    it.cancel();
    it.again();
    CHECK(it.wait().verdict == Verdict::pass);
  }
}

TEST_CASE("a server on loopback is asked from one socket") {
  EventLoop loop;
  std::set<std::uint16_t> ports;
  DnsServer server(loop, [&](DnsServer& self, const DnsRequest& request) {
    ports.insert(request.peer.port);
    answers(good)(self, request);
  });
  Asking it(loop, asking(server.address()));
  CHECK(it.wait().verdict == Verdict::pass);
  for (int i = 0; i < 3; ++i) {
    const NoDescriptors none;
    it.again();
    CHECK(it.wait().verdict == Verdict::pass);
  }
  CHECK(ports.size() == 1);
}

TEST_CASE("a refusal ends the socket that is kept, and is told of each time") {
  EventLoop loop;
  auto server = std::make_unique<DnsServer>(loop, answers(good));
  Asking it(loop, asking(server->address()));
  CHECK(it.wait().verdict == Verdict::pass);
  server.reset();
  for (int i = 0; i < 3; ++i) {
    it.again();
    const auto result = it.wait();
    CHECK(result.evidence == Evidence::conclusive);
    CHECK(result.reason == "refused");
  }
}

TEST_CASE("the socket of a refusal does for all who ask at that moment, and for nobody later") {
  EventLoop loop;
  auto server = std::make_unique<DnsServer>(loop, answers(good));
  const DnsTarget target{*SocketAddress::parse(server->address(), 53), false, std::nullopt, {}};
  server.reset();
  DnsPorts ports(loop);
  DnsOutcome failure;
  const auto before = Clock::now();
  const auto port = ports.take(target, failure);
  REQUIRE(port != nullptr);
  DnsUdpExchange exchange(ports, target, [&](const DnsOutcome& outcome) {
    failure = outcome;
    loop.stop();
  });
  const std::vector<std::uint8_t> query(12);
  exchange.start(query);
  if (failure.call == nullptr) loop.run();
  CHECK(failure.error == ECONNREFUSED);
  CHECK(port->well(before));
  CHECK_FALSE(port->well(Clock::now() + 50ms));
}

TEST_CASE("what was refused to a question that was given up is not held against the next") {
  EventLoop loop;
  auto server = std::make_unique<DnsServer>(loop, answers(good));
  const auto address = *SocketAddress::parse(server->address(), 53);
  Asking it(loop, asking(server->address()));
  CHECK(it.wait().verdict == Verdict::pass);
  server.reset();
  it.again();  // it is refused, and nobody looks
  const Descriptor silent(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_storage there;
  const auto length = address.to_sockaddr(there);
  REQUIRE(bind(silent.get(), reinterpret_cast<const sockaddr*>(&there), length) == 0);
  it.again();
  CHECK_FALSE(it.result());
  char octet = 0;
  CHECK(recv(silent.get(), &octet, 1, 0) == 1);
}
TEST_CASE("a refusal by the kernel is reported at once and conclusive") {
  EventLoop loop;
  for (const std::string transport : {"udp", "tcp"}) {
    CAPTURE(transport);
    Asking it(loop, asking(deserted_address(), R"(, "transport": ")" + transport + "\""));
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.evidence == Evidence::conclusive);
    CHECK(result.reason == "refused");
    CHECK(result.detail.ends_with("Connection refused"));
  }
}

TEST_CASE("one refusal among several is conclusive where the others cannot make up for it") {
  EventLoop loop;
  DnsServer up(loop, answers(good));
  DnsServer broken(loop, answers([](DnsReply& reply) { reply.rcode(2); }));
  const auto ask = [&](const DnsServer& other, int need) {
    Asking it(loop, R"({"query": "www.example.org", "server": [")" + deserted_address() + R"(", ")" +
                        other.address() + R"("], "need": )" + std::to_string(need) + "}");
    return it.wait();
  };
  CHECK(ask(up, 1).verdict == Verdict::pass);
  CHECK(ask(broken, 2).verdict == Verdict::fail);
  const auto result = ask(broken, 1);
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.evidence == Evidence::soft);
}

TEST_CASE("over TCP, a connection that ends without an answer") {
  EventLoop loop;
  bool reset = false;
  DnsServer server(loop, [&](DnsServer& self, const DnsRequest& request) { self.hang_up(request, reset); });
  Asking it(loop, asking(server.address(), R"(, "transport": "tcp")"));
  CHECK(it.wait().reason == "closed");
  reset = true;
  it.again();
  CHECK(it.wait().reason == "reset");

  DnsServer cut(loop, [](DnsServer& self, const DnsRequest& request) {
    self.send_octets(request, {0, 40, request.bytes[0], request.bytes[1]});
    self.hang_up(request);
  });
  Asking half(loop, asking(cut.address(), R"(, "transport": "tcp")"));
  CHECK(half.wait().reason == "closed");
}

TEST_CASE("garbage") {
  const auto malformed = [](const std::function<DnsPacket(const DnsRequest&)>& make) {
    const auto result = answered_by(make);
    CHECK(result.verdict == Verdict::fail);
    CHECK(result.reason == "malformed");
    return result.detail;
  };
  malformed([](const DnsRequest& r) { return DnsPacket{r.bytes[0], r.bytes[1]}; });
  malformed([](const DnsRequest& r) { return DnsPacket{r.bytes[0], r.bytes[1], 0x81, 0x80, 0, 1}; });
  malformed([](const DnsRequest& r) { return r.bytes; });  // our own question, thrown back
  CHECK(malformed([](const DnsRequest& r) {
          return DnsReply(r).counts(1, 1000).bytes();
        }).ends_with("answer record 1 of 1000: its name cannot be read"));
  malformed([](const DnsRequest& r) { return DnsReply(r).counts(1, 1).append({0xc0, 0xff}).bytes(); });
  malformed([](const DnsRequest& r) { return DnsReply(r).answer(1, {192, 0, 2}).bytes(); });
  // A question whose name points at itself.
  malformed([](const DnsRequest& r) {
    DnsPacket out{r.bytes[0], r.bytes[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1};
    return out;
  });
  // Over TCP: a message of no octets, and one that is all garbage but for its question.
  const std::string tcp = R"(, "transport": "tcp")";
  CHECK(answered_by([](const DnsRequest&) { return DnsPacket{}; }, tcp).reason == "malformed");
  CHECK(answered_by([](const DnsRequest& r) { return DnsReply(r).counts(1, 9).bytes(); }, tcp).reason ==
        "malformed");
}

TEST_CASE("an error without a question in it is an answer") {
  const auto result = answered_by([](const DnsRequest& r) {
    return DnsPacket{r.bytes[0], r.bytes[1], 0x81, 0x85, 0, 0, 0, 0, 0, 0, 0, 0};
  });
  CHECK(result.reason == "query_refused");
}

TEST_CASE("an answer of more than 512 octets is read whole") {
  const auto result = answered_by([](const DnsRequest& r) {
    DnsReply reply(r);
    for (int i = 0; i < 60; ++i) reply.a("192.0.2.1");
    return reply.bytes();
  });
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail.ends_with("60 A records"));
}

TEST_CASE("what is not the answer is read past") {
  EventLoop loop;
  bool answer_too = false;
  DnsServer server(loop, [&](DnsServer& self, const DnsRequest& request) {
    const auto id = id_of(request.bytes);
    self.send(request, DnsReply(request).id(id ^ 1U).rcode(2));
    self.send(request, DnsPacket{});  // an empty datagram
    auto other = request;
    other.bytes[13] ^= 0x01U;  // another question
    self.send(request, DnsReply(other).rcode(3));
    other.bytes[13] = request.bytes[13];
    other.bytes[other.bytes.size() - 3] = 28;  // another type
    self.send(request, DnsReply(other).rcode(3));
    self.send_from_another_port(request, DnsReply(request).rcode(5));
    if (answer_too) self.send(request, DnsReply(request).a("192.0.2.1"));
  });
  Asking silent(loop, asking(server.address()));
  // The one from another port is not among them: the kernel keeps it from the socket.
  const auto strays = "no answer from " + server.address() + " over udp (4 packets read past)";
  CHECK(silent.wait_until([&] { return silent.waiting_for() == strays; }));
  CHECK_FALSE(silent.result());

  answer_too = true;
  Asking answered(loop, asking(server.address()));
  CHECK(answered.wait().verdict == Verdict::pass);
}

TEST_CASE("over TCP too, the answer to another question is read past") {
  EventLoop loop;
  DnsServer server(loop, [](DnsServer& self, const DnsRequest& request) {
    self.send(request, DnsReply(request).id(id_of(request.bytes) ^ 1U).rcode(2));
    self.send(request, DnsReply(request).a("192.0.2.1"));
  });
  Asking it(loop, asking(server.address(), R"(, "transport": "tcp")"));
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("no descriptors left says nothing of the service") {
  EventLoop loop;
  DnsServer server(loop, answers(good));
  for (const std::string transport : {"udp", "tcp"}) {
    std::optional<Asking> it;
    {
      const NoDescriptors none;
      it.emplace(loop, asking(server.address(), R"(, "transport": ")" + transport + "\""));
    }
    const auto result = it->wait();
    CHECK(result.verdict == Verdict::local_error);
    CHECK(result.reason == "local_error");
    CHECK(result.detail == server.address() + " " + transport + ": socket: Too many open files");
    it->again();
    CHECK(it->wait().verdict == Verdict::pass);
  }
}

TEST_CASE("the truncated answer that TCP could not be tried for says nothing of the service") {
  EventLoop loop;
  std::optional<NoDescriptors> none;
  DnsServer server(loop, [&](DnsServer& self, const DnsRequest& request) {
    self.send(request, DnsReply(request).truncated());
    none.emplace();
  });
  Asking it(loop, asking(server.address()));
  const auto result = it.wait();
  none.reset();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.detail.ends_with("truncated, then tcp: socket: Too many open files"));
}

TEST_CASE("a failure of this host counts for neither side") {
  EventLoop loop;
  DnsServer up(loop, answers(good), "127.0.0.1");
  DnsServer broken(loop, answers([](DnsReply& reply) { reply.rcode(2); }));
  // Nothing of 192.0.2.0/24 is a source here, so that who is asked does not matter.
  for (const std::string transport : {"udp", "tcp"}) {
    Asking it(loop, asking(up.address(), R"(, "source": "192.0.2.77", "transport": ")" + transport + "\""));
    const auto result = it.wait();
    CHECK(result.verdict == Verdict::local_error);
    CHECK(result.detail.ends_with("bind: Cannot assign requested address"));
  }
  Asking device(loop, asking(up.address(), R"(, "bind_device": "none-such0")"));
  CHECK(device.wait().verdict == Verdict::local_error);
  CHECK(device.result()->detail.ends_with("bind to device: No such device"));
}

TEST_CASE("source and device are those asked for") {
  EventLoop loop;
  DnsServer server(loop, answers(good));
  for (const std::string transport : {"udp", "tcp"}) {
    Asking it(loop,
              asking(server.address(),
                     R"(, "source": "127.0.0.9", "bind_device": "lo", "transport": ")" + transport + "\""));
    CHECK(it.wait().verdict == Verdict::pass);
    const auto endpoints = it.probe().endpoints();
    REQUIRE(endpoints.size() == 1);
    CHECK(endpoints[0].address.to_string() == server.address());
    CHECK(endpoints[0].device == "lo");
    CHECK(endpoints[0].protocol == (transport == "udp" ? Protocol::udp : Protocol::tcp));
  }
  CHECK(server.requests()[0].peer.ip.to_string() == "127.0.0.9");
}
