#include "probes/named_probe.hpp"

#include <doctest/doctest.h>

#include "asking.hpp"
#include "probes/lookup.hpp"
#include "probes/tcp_probe.hpp"
#include "tcp_server.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

TEST_CASE("a host is an address or a name, with a port or without") {
  const auto literal = Host::parse("[2001:db8::1]:5353", 53);
  REQUIRE(literal);
  CHECK(literal->address.has_value());
  CHECK(literal->to_string() == "[2001:db8::1]:5353");
  const auto name = Host::parse("ns.example.org", 53);
  REQUIRE(name);
  CHECK_FALSE(name->address.has_value());
  CHECK(name->to_string() == "ns.example.org:53");
  CHECK(Host::parse("_x.example.org.:5300", 53)->port == 5300);
  for (const char* wrong : {"", ".", "a..b", "-a", "a-", "192.0.2.256", "1.2.3", "a:0", "a:65536",
                            "a:", "a:b", "a b", "[ns.example.org]", "a.b:1:2"}) {
    CAPTURE(wrong);
    CHECK_FALSE(Host::parse(wrong, 53));
  }
  CHECK_FALSE(Host::parse(std::string(64, 'a'), 53));
}

TEST_CASE("a target is asked by its name once that is looked up") {
  EventLoop loop;
  const TcpServer server(loop);
  Asking it(loop, R"({"host": "localhost", "ports": )" + server.port() + "}", kTcpProbe);
  CHECK(it.probe().endpoints().empty());
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.detail == server.address() + " connected");
  REQUIRE(it.probe().endpoints().size() == 1);
  CHECK(it.probe().endpoints()[0].address.to_string() == server.address());
  it.again();  // from what is known
  CHECK(it.wait().verdict == Verdict::pass);
}

TEST_CASE("a name without an address is nobody's failure") {
  EventLoop loop;
  Asking it(loop, R"({"host": "nosuch.invalid", "ports": 80})", kTcpProbe);
  const auto result = it.wait();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "unresolved");
  CHECK(result.detail.find("nosuch.invalid: ") == 0);
}

TEST_CASE("a lookup asks for one family") {
  EventLoop loop;
  std::optional<LookupResult> found;
  const Lookup lookup(loop, "localhost", Family::ipv4, [&](const LookupResult& result) {
    found = result;
    loop.stop();
  });
  loop.run();
  REQUIRE(found);
  REQUIRE(found->address);
  CHECK(found->address->to_string() == "127.0.0.1");
}

TEST_CASE("a host may want a family of its own") {
  struct Nothing final : Probe {
    [[nodiscard]] std::vector<Endpoint> endpoints() const override { return {}; }
    [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
      sink.report({Verdict::pass, Evidence::soft, "ok", {}});
      return std::make_unique<Attempt>();
    }
  };
  struct Sink final : ResultSink {
    explicit Sink(EventLoop& l) : loop(l) {}
    void report(Result /*result*/) noexcept override { loop.stop(); }
    EventLoop& loop;
  };
  EventLoop loop;
  ResolvedHosts found;
  const auto host = *Host::parse("localhost", 80);
  const auto probe =
      make_named_probe(loop, {{host, true, Family::ipv4}}, Family::ipv6, [&](const ResolvedHosts& hosts) {
        found = hosts;
        return std::make_unique<Nothing>();
      });
  Sink sink(loop);
  const auto attempt = probe->start(sink);
  if (found.empty()) loop.run();
  REQUIRE(found.size() == 1);
  CHECK(found[0]->to_string() == "127.0.0.1:80");
}

TEST_CASE("a lookup may be given up at any time") {
  EventLoop loop;
  Asking it(loop, R"({"host": "nosuch.invalid", "ports": 80})", kTcpProbe);
  it.cancel();
  it.again();
  it.cancel();
}
