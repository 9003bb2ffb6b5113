// What the options of the syslog probe may be.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "probes/syslog_probe.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

// The one error that these options have.
std::string error_of(const std::string& options) {
  const auto lines = errors_of("{" + options + "}", kSyslogProbe);
  CHECK(lines.size() == 1);
  return lines.empty() ? "" : lines.front();
}

bool accepted(const std::string& options) {
  return errors_of("{" + options + "}", kSyslogProbe).empty();
}

}  // namespace

TEST_CASE("the syslog probe declares every option with its help") {
  CHECK(std::string(kSyslogProbe.type) == "syslog");
  CHECK(std::string(kSyslogProbe.program) == "syslog-probe");
  for (const auto& option : kSyslogProbe.options) {
    CAPTURE(option.name);
    CHECK_FALSE(std::string(option.help).empty());
    CHECK_FALSE(std::string(option.help).ends_with('.'));
  }
}

TEST_CASE("options of a syslog probe that can be") {
  CHECK(accepted(""));
  CHECK(accepted(R"("send": "/dev/log", "format": "rfc5424", "listen": "[::1]:5515")"));
  CHECK(accepted(R"("send": "log.example.org", "transport": "tcp", "framing": "octet-counting")"));
  CHECK(accepted(R"("send": "127.0.0.1:5515", "transport": "tcp", "source": "127.0.0.2")"));
  CHECK(accepted(R"("listen_transport": "tcp", "tag": "a", "hostname": "2001:db8::1", "bind_device": "lo")"));
  CHECK(accepted(R"("facility": "kern", "severity": "emerg")"));
}

TEST_CASE("by default it asks and hears where the old one did") {
  EventLoop loop;
  Asking it(loop, "{}", kSyslogProbe);
  const auto endpoints = it.probe().endpoints();
  REQUIRE(endpoints.size() == 1);
  CHECK(endpoints.front().address.to_string() == "127.0.0.1:5514");
  CHECK(endpoints.front().protocol == Protocol::udp);
  Asking tcp(loop, R"({"send": "[::1]", "transport": "tcp", "bind_device": "lo"})", kSyslogProbe);
  CHECK(tcp.probe().endpoints().front().address.to_string() == "[::1]:5514");
  CHECK(tcp.probe().endpoints().front().protocol == Protocol::tcp);
  CHECK(tcp.probe().endpoints().front().device == "lo");
}

TEST_CASE("each error of a syslog probe names its option") {
  const auto has = [](const std::string& line, const std::string& part) {
    CAPTURE(line);
    CHECK(line.find(part) != std::string::npos);
  };
  has(error_of(R"("send": "dev/log")"), R"(send: "dev/log" is neither an address nor a name)");
  has(error_of(R"("send": "127.0.0.1:0")"), "send: \"127.0.0.1:0\" is neither");
  has(error_of(R"("send": "/)" + std::string(107, 'x') + "\""), "send: is above 107 octets");
  has(error_of(R"("send": "127.0.0.1:5515")"),
      "send: 127.0.0.1:5515 is where the probe itself listens: it would hear itself");
  has(error_of(R"("send": "127.0.0.1:5515", "listen": "0.0.0.0")"), "it would hear itself");
  has(error_of(R"("send": "/dev/log", "transport": "udp")"), "transport: says nothing of a Unix socket");
  has(error_of(R"("send": "/dev/log", "source": "127.0.0.1")"), "source: says nothing of a Unix socket");
  has(error_of(R"("listen": "localhost:5515")"), "listen: \"localhost:5515\" is no IP address");
  has(error_of(R"("listen": "127.0.0.1:0")"), "listen: \"127.0.0.1:0\" has no port from 1 to 65535");
  has(error_of(R"("transport": "tls")"), R"(transport: "tls" is none of udp, tcp)");
  has(error_of(R"("listen_transport": "unix")"), "listen_transport: \"unix\" is none of");
  has(error_of(R"("format": "json")"), R"(format: "json" is none of rfc3164, rfc5424)");
  has(error_of(R"("framing": "octet-counting")"), "framing: is of lines over tcp");
  has(error_of(R"("facility": "local8")"), "facility: \"local8\" is none of kern");
  has(error_of(R"("severity": "bad")"), "severity: \"bad\" is none of emerg");
  has(error_of(R"("tag": "")"), "tag: \"\" cannot stand in a line");
  has(error_of(R"("tag": "a:b")"), "tag: \"a:b\" cannot stand in a line");
  has(error_of(R"("tag": "a\nb")"), "tag: \"a\\x0ab\" cannot stand in a line");
  has(error_of(R"("hostname": "a b")"), "hostname: \"a b\" cannot stand in a line");
  has(error_of(R"("source": "::1")"), "source: \"::1\" is IPv6");
  has(error_of(R"("bind_device": "a/b")"), "bind_device: \"a/b\" is no name of an interface");
}
