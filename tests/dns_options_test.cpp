// What the options of the dns probe may be.
#include <doctest/doctest.h>

#include "dns_server.hpp"
#include "probes/dns_probe.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

using Lines = std::vector<std::string>;

// The one error that these options have.
std::string error_of(const std::string& options) {
  const auto lines = errors_of("{" + options + "}");
  CHECK(lines.size() == 1);
  return lines.empty() ? "" : lines.front();
}

bool accepted(const std::string& options) {
  return errors_of("{" + options + "}").empty();
}

}  // namespace

TEST_CASE("the descriptor declares every option with its help") {
  CHECK(std::string(kDnsProbe.type) == "dns");
  CHECK(kDnsProbe.options.size() == 13);
  for (const auto& option : kDnsProbe.options) {
    CAPTURE(option.name);
    CHECK_FALSE(std::string(option.help).empty());
    CHECK_FALSE(std::string(option.help).ends_with('.'));
  }
}

TEST_CASE("options that can be") {
  CHECK(accepted(""));
  CHECK(accepted(R"("server": ["127.0.0.1", "[::1]:5353"], "need": 1)"));
  CHECK(accepted(R"("query": ".", "record": "NS", "rcode": "3", "min_answers": 0)"));
  CHECK(
      accepted(R"("query": "example.org", "record": "TXT", "expect": ["v=spf1 -all", "192.0.2.1", "a/b"])"));
  CHECK(accepted(R"("query": "example.org", "record": "AAAA", "expect": "2001:db8::/32")"));
  CHECK(accepted(R"("server": "::1", "source": "2001:db8::1", "bind_device": "bond0.100")"));
}

TEST_CASE("the root at 127.0.0.1 is asked by default") {
  EventLoop loop;
  Asking it(loop, "{}");
  const auto endpoints = it.probe().endpoints();
  REQUIRE(endpoints.size() == 1);
  CHECK(endpoints[0].address.to_string() == "127.0.0.1:53");
  CHECK(endpoints[0].protocol == Protocol::udp);
  CHECK(endpoints[0].device.empty());
}

TEST_CASE("each error names its option") {
  const auto has = [](const std::string& line, const std::string& part) {
    CAPTURE(line);
    CHECK(line.find(part) != std::string::npos);
  };
  has(error_of(R"("record": "AX", "query": "a")"), R"(record: "AX" is no record type (try A, AAAA, SOA, NS)");
  has(error_of(R"("rcode": "MAYBE")"), R"(rcode: "MAYBE" is no response code)");
  has(error_of(R"("query": "a..b")"), R"(query: "a..b" is no query name: it has an empty label)");
  has(error_of(R"("query": ")" + std::string(64, 'a') + "\""), "a label of 64 octets");
  has(error_of(R"("query": "")"), "it is empty");
  has(error_of(R"("need": 2)"), "need: 2 is more than there are servers (1)");
  has(error_of(R"("need": -1)"), "need: ");
  has(error_of(R"("transport": "dot")"), R"(transport: "dot" is none of udp, tcp, both)");
  has(error_of(R"("server": ["127.0.0.1", "127.0.0.1:53"])"), R"(server[1]: "127.0.0.1:53" is here twice)");
  has(error_of(R"("server": "local host")"), R"(server: "local host" is neither an address nor a name)");
  has(error_of(R"("source": "::1")"), R"(source: "::1" is IPv6, but the server 127.0.0.1:53 is IPv4)");
  has(error_of(R"("bind_device": "a/b")"), R"(bind_device: "a/b" is no name of an interface)");
  has(error_of(R"("bind_device": "interface-too-long")"), "bind_device: ");
  has(error_of(R"("fresh": true)"), "fresh: needs a query");
  has(error_of(R"("query": "a", "expect": ["192.0.2.1", "192.0.2.0/33"])"),
      R"(expect[1]: "192.0.2.0/33" is no prefix)");
  has(error_of(R"("query": "a", "expect": "::1")"), R"(expect: "::1" is IPv6, which an A record never is)");
  has(error_of(R"("query": "a", "record": "AAAA", "expect": "192.0.2.1")"), "which an AAAA record never is");
  has(error_of(R"("min_answers": 65536)"), "min_answers: ");
  has(error_of(R"("querry": "a")"), "querry: ");
}

TEST_CASE("a fresh label needs its room in the query") {
  const auto query = [](std::size_t last) {
    const std::string label(63, 'a');
    return R"("fresh": true, "query": ")" + label + "." + label + "." + label + "." + std::string(last, 'a') +
           "\"";
  };
  CHECK(accepted(query(44)));  // 253 with the 16 of the label and its dot
  CHECK(error_of(query(45)).find("leaves no room for a fresh label") != std::string::npos);
}

TEST_CASE("all errors are told at once") {
  CHECK(
      errors_of(R"({"record": "AX", "query": "a..b", "rcode": "MAYBE", "need": 3, "expect": "192.0.2.0/33"})")
          .size() == 5);
}
