// What the options of the tcp probe may be.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "probes/escapes.hpp"
#include "probes/tcp_probe.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

// The one error that these options have.
std::string error_of(const std::string& options) {
  const auto lines = errors_of("{" + options + "}", kTcpProbe);
  CHECK(lines.size() == 1);
  return lines.empty() ? "" : lines.front();
}

bool accepted(const std::string& options) {
  return errors_of("{" + options + "}", kTcpProbe).empty();
}

}  // namespace

TEST_CASE("the tcp probe declares every option with its help") {
  CHECK(std::string(kTcpProbe.type) == "tcp");
  for (const auto& option : kTcpProbe.options) {
    CAPTURE(option.name);
    CHECK_FALSE(std::string(option.help).empty());
    CHECK_FALSE(std::string(option.help).ends_with('.'));
  }
}

TEST_CASE("options of a tcp probe that can be") {
  CHECK(accepted(R"("ports": 80)"));
  CHECK(accepted(R"("ports": [1, 65535], "host": "2001:db8::1", "source": "2001:db8::2")"));
  CHECK(accepted(R"("ports": 6379, "send": "PING\\r\\n", "expect": "+PONG", "bind_device": "lo")"));
  CHECK(accepted(R"("ports": 22, "expect": "SSH-2.0")"));
}

TEST_CASE("each port is an endpoint, of 127.0.0.1 by default") {
  EventLoop loop;
  Asking it(loop, R"({"ports": [80, 443], "bind_device": "lo"})", kTcpProbe);
  const auto endpoints = it.probe().endpoints();
  REQUIRE(endpoints.size() == 2);
  CHECK(endpoints[0].address.to_string() == "127.0.0.1:80");
  CHECK(endpoints[1].address.to_string() == "127.0.0.1:443");
  CHECK(endpoints[1].protocol == Protocol::tcp);
  CHECK(endpoints[1].device == "lo");
}

TEST_CASE("each error of a tcp probe names its option") {
  const auto has = [](const std::string& line, const std::string& part) {
    CAPTURE(line);
    CHECK(line.find(part) != std::string::npos);
  };
  has(error_of(""), R"(lacks "ports")");
  has(error_of(R"("ports": [])"), "ports: is an empty list");
  has(error_of(R"("ports": [80, 0])"), "ports[1]: 0 is not from 1 to 65535");
  has(error_of(R"("ports": 65536)"), "ports: 65536 is not from 1 to 65535");
  has(error_of(R"("ports": "http")"), R"(ports: "http" is no whole number)");
  has(error_of(R"("ports": [80, 443, 80])"), "ports[2]: 80 is here twice");
  has(error_of(R"("ports": 80, "host": "-x")"), R"(host: "-x" is neither an address nor a name)");
  has(error_of(R"("ports": 80, "host": "localhost:80")"), R"(host: has a port, which stands in "ports")");
  has(error_of(R"("ports": 80, "source": "::1")"),
      R"(source: "::1" is IPv6, but the server 127.0.0.1:80 is IPv4)");
  has(error_of(R"("ports": 80, "bind_device": "a/b")"), R"(bind_device: "a/b" is no name of an interface)");
  has(error_of(R"("ports": 80, "send": "")"), "send: is empty");
  has(error_of(R"("ports": 80, "expect": "")"), "expect: is empty");
  has(error_of(R"("ports": 80, "send": "PING\\q")"),
      R"(send: "\\q" begins with no escape (\r, \n, \t, \\ or \xHH))");
}

TEST_CASE("escapes stand for octets") {
  CHECK(*unescape("") == "");
  CHECK(*unescape("plain") == "plain");
  CHECK(*unescape(R"(a\r\n\t\\b)") == "a\r\n\t\\b");
  CHECK(*unescape(R"(\x00\x7f\xFFx)") == std::string("\0\x7f\xff", 3) + "x");
  CHECK(*unescape(R"(\\x41)") == R"(\x41)");
  for (const char* wrong :
       {"\\", "a\\", "\\q", "\\R", "\\x", "\\x4", "\\x4g", "\\xg4", "\\x-1", "\\x 1", "\\0"}) {
    CAPTURE(wrong);
    CHECK_FALSE(unescape(wrong));
  }
}
