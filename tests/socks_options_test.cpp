// What the options of the socks probe may be.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "probes/socks_probe.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

// The one error that these options have.
std::string error_of(const std::string& options) {
  const auto lines = errors_of("{" + options + "}", kSocksProbe);
  CHECK(lines.size() == 1);
  return lines.empty() ? "" : lines.front();
}

bool accepted(const std::string& options) {
  return errors_of("{" + options + "}", kSocksProbe).empty();
}

}  // namespace

TEST_CASE("the socks probe declares every option with its help") {
  CHECK(std::string(kSocksProbe.type) == "socks");
  CHECK(std::string(kSocksProbe.program) == "socks-probe");
  for (const auto& option : kSocksProbe.options) {
    CAPTURE(option.name);
    CHECK_FALSE(std::string(option.help).empty());
    CHECK_FALSE(std::string(option.help).ends_with('.'));
  }
}

TEST_CASE("options of a socks probe that can be") {
  CHECK(accepted(""));
  CHECK(accepted(R"("protocol": 5)"));
  CHECK(accepted(R"("protocol": "5", "username": "u", "password": "p")"));
  CHECK(accepted(R"("protocol": "4a", "target": "www.example.org:80", "username": "u")"));
  CHECK(accepted(R"("server": "proxy.example.org", "target": ["198.51.100.80:80", "[2001:db8::1]:443"])"));
  CHECK(accepted(R"("udp_target": "198.51.100.53:53", "bind_device": "lo")"));
  CHECK(accepted(R"("udp_target": "ns.example.org:5300", "udp_question": "dns", "resolve": "proxy")"));
  // The source is for the proxy; what it connects to may be of another family.
  CHECK(accepted(R"("source": "127.0.0.1", "target": "[2001:db8::1]:443")"));
}

TEST_CASE("the endpoint is the proxy, of 127.0.0.1:1080 by default") {
  EventLoop loop;
  Asking it(loop, R"({"target": "198.51.100.80:80", "bind_device": "lo"})", kSocksProbe);
  const auto endpoints = it.probe().endpoints();
  REQUIRE(endpoints.size() == 1);
  CHECK(endpoints[0].address.to_string() == "127.0.0.1:1080");
  CHECK(endpoints[0].protocol == Protocol::tcp);
  CHECK(endpoints[0].device == "lo");
}

TEST_CASE("each error of a socks probe names its option") {
  const auto has = [](const std::string& line, const std::string& part) {
    CAPTURE(line);
    CHECK(line.find(part) != std::string::npos);
  };
  has(error_of(R"("protocol": 4)"), R"(protocol: "4" is none of 5, 4a)");
  has(error_of(R"("protocol": true)"), "protocol: true is no text");
  has(error_of(R"("protocol": 5.0)"), "protocol: 5.0 is no text");
  has(error_of(R"("protocol": "4a")"), R"(protocol: "4a" negotiates nothing that could be asked for)");
  has(error_of(R"("protocol": "4a", "udp_target": "192.0.2.1:53")"), "udp_target: is not possible");
  has(error_of(R"("protocol": "4a", "target": "192.0.2.1:80", "password": "p")"),
      "password: is not known to SOCKS4a");
  has(error_of(R"("protocol": "4a", "target": ["192.0.2.1:80", "[2001:db8::1]:80"])"),
      R"(target[1]: "2001:db8::1" is IPv6)");
  has(error_of(R"("target": ["192.0.2.1:80", "www.example.org"])"),
      R"(target[1]: "www.example.org" has no port)");
  has(error_of(R"("target": "2001:db8::1")"), R"(target: "2001:db8::1" has no port)");
  has(error_of(R"("target": ["192.0.2.1:80", "192.0.2.1:80"])"),
      R"(target[1]: "192.0.2.1:80" is here twice)");
  has(error_of(R"("target": [])"), "target: is an empty list");
  has(error_of(R"("udp_target": "192.0.2.1")"), R"(udp_target: "192.0.2.1" has no port)");
  has(error_of(R"("udp_question": "dns")"), R"(udp_question: wants a "udp_target")");
  has(error_of(R"("udp_target": "192.0.2.1:53", "udp_question": "ntp")"), "is none of dns, echo");
  has(error_of(R"("resolve": "none")"), "is none of local, proxy");
  has(error_of(R"("username": "u")"), R"(username: wants a "password")");
  has(error_of(R"("password": "p")"), R"(password: wants a "username")");
  has(error_of(R"("username": "", "password": "p")"), "username: is empty");
  has(error_of(R"("username": "u", "password": "")"), "password: is empty");
  has(error_of(R"("username": ")" + std::string(256, 'u') + R"(", "password": "p")"),
      "username: is above 255 octets");
  const auto line = error_of(R"("username": "u", "password": ")" + std::string(256, 'p') + "\"");
  has(line, "password: is above 255 octets");
  CHECK(line.find("ppp") == std::string::npos);
  has(error_of(R"("source": "::1")"), R"(source: "::1" is IPv6, but the server 127.0.0.1:1080 is IPv4)");
  has(error_of(R"("bind_device": "a/b")"), R"(bind_device: "a/b" is no name of an interface)");
}
