// What the options of the radius probe may be.
#include <doctest/doctest.h>

#include "asking.hpp"
#include "probes/radius_probe.hpp"

using namespace anyprobe;
using namespace anyprobe::test;

namespace {

// The one error that these options have.
std::string error_of(const std::string& options) {
  const auto lines = errors_of(R"({"secret": "s3cret")" + options + "}", kRadiusProbe);
  CHECK(lines.size() == 1);
  return lines.empty() ? "" : lines.front();
}

bool accepted(const std::string& options) {
  return errors_of(R"({"secret": "s3cret")" + options + "}", kRadiusProbe).empty();
}

// Whom a probe of these options asks.
std::string asked_by(const std::string& options) {
  EventLoop loop;
  Asking it(loop, R"({"secret": "s3cret")" + options + "}", kRadiusProbe);
  const auto endpoints = it.probe().endpoints();
  return endpoints.size() == 1 && endpoints.front().protocol == Protocol::udp
             ? endpoints.front().address.to_string()
             : "";
}

}  // namespace

TEST_CASE("the radius probe declares every option with its help") {
  CHECK(std::string(kRadiusProbe.type) == "radius");
  CHECK(std::string(kRadiusProbe.program) == "radius-probe");
  for (const auto& option : kRadiusProbe.options) {
    CAPTURE(option.name);
    CHECK_FALSE(std::string(option.help).empty());
    CHECK_FALSE(std::string(option.help).ends_with('.'));
  }
}

TEST_CASE("options of a radius probe that can be") {
  CHECK(accepted(""));
  CHECK(accepted(R"(, "server": "[2001:db8::1]:1812", "source": "2001:db8::2")"));
  CHECK(accepted(R"(, "server": "radius.example.org", "source": "2001:db8::2")"));
  CHECK(accepted(R"(, "kind": "either", "require_message_authenticator": true, "nas_identifier": "")"));
  CHECK(accepted(R"(, "resend": "10ms", "bind_device": "lo")"));
  CHECK(accepted(R"(, "nas_identifier": ")" + std::string(253, 'n') + "\""));
}

TEST_CASE("whom it asks") {
  CHECK(asked_by("") == "127.0.0.1:18120");
  CHECK(asked_by(R"(, "server": "::1")") == "[::1]:18120");
  CHECK(asked_by(R"(, "server": "192.0.2.1:1812")") == "192.0.2.1:1812");
}

TEST_CASE("options of a radius probe that cannot be") {
  CHECK(errors_of("{}", kRadiusProbe) == std::vector<std::string>{"test: lacks \"secret\""});
  CHECK(error_of(R"(, "kind": "both")") == "test: kind: \"both\" is none of auth, acct, either");
  CHECK(error_of(R"(, "nas_identifier": ")" + std::string(254, 'n') + "\"") ==
        "test: nas_identifier: is above 253 octets");
  CHECK(error_of(R"(, "resend": "9ms")") == "test: resend: \"9ms\" is not from 10ms to 1h");
  CHECK(error_of(R"(, "server": ["127.0.0.1", "::1"])") == "test: server: takes one value, not an array");
  CHECK(error_of(R"(, "server": "127.0.0.1", "source": "::1")")
            .starts_with("test: source: \"::1\" is IPv6, but the server 127.0.0.1:18120 is IPv4"));
  CHECK(error_of(R"(, "bind_device": "a/b")") ==
        "test: bind_device: \"a/b\" is no name of an interface (try lo)");
  CHECK(error_of(R"(, "port": 1812)") == "test: port: is not known here");
}
