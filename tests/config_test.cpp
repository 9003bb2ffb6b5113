#include "core/config.hpp"
#include "core/metrics.hpp"
#include "core/web_server.hpp"

#include <doctest/doctest.h>

#include "core/config_reader.hpp"
#include "core/duration.hpp"
#include "loaded_config.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

using Loaded = LoadedConfig;

Loaded load(const std::vector<SourceFile>& files) {
  return loaded_from(files);
}

Loaded load(const std::string& text) {
  return load({{"anyprobe.json", text}});
}

// The text of a service around what a test is about.
Loaded load_service(const std::string& more, const std::string& probe = R"({"type": "dns"})",
                    const std::string& advertise = R"([{"address": "192.0.2.1/32"}])") {
  return load(R"({"services": [{"name": "dns", "probe": )" + probe + R"(, "advertise": )" + advertise +
              (more.empty() ? "" : ", ") + more + "}]}");
}

std::string builtin_types() {
  return PluginTable(builtin_probes()).types();
}

void check_error(const Loaded& loaded, const std::string& line) {
  CAPTURE(line);
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors.front() == line);
}

}  // namespace

TEST_CASE("the example of the manual is understood, comments and all") {
  const auto loaded = load(R"({
    // comments are allowed
    "defaults": { "interval": "2s", "timeout": "500ms", "rise": 4, "fall": 5 },
    "services": [
      { "name": "dns",
        "probe": { "type": "dns", "server": "127.0.0.1", "query": "www.example.org", "record": "A" },
        "advertise": [ { "address": "192.0.2.1/32" }, { "address": "2001:db8:ffff:a000:fdc0::3b5/128" } ],
        "fall": 6 }
    ]
  })");
  REQUIRE(loaded.errors.empty());
  REQUIRE(loaded.config.services.size() == 1);
  const auto& service = loaded.config.services.front();
  CHECK(service.name == "dns");
  CHECK(service.schedule.interval == 2s);
  CHECK(service.timeout == 500ms);
  CHECK(service.health.rise == 4);
  CHECK(service.health.fall == 6);  // its own word over that of defaults
  REQUIRE(service.advertise.size() == 2);
  CHECK(service.advertise[1].to_string() == "2001:db8:ffff:a000:fdc0::3b5/128 on lo");
  CHECK(service.probes.size() == 1);
}

TEST_CASE("what is not said has its default") {
  const auto loaded = load_service("");
  REQUIRE(loaded.errors.empty());
  const auto& service = loaded.config.services.front();
  CHECK(service.schedule.interval == 1s);
  CHECK(service.schedule.fast_interval == 100ms);
  CHECK(service.timeout == 800ms);
  CHECK(service.health.rise == 2);
  CHECK(service.health.fall == 3);
  CHECK(service.lease == 3s);
  CHECK(service.health.stale_after == 3800ms);
  CHECK_FALSE(service.health.damping);
}

TEST_CASE("a lease lasts for three intervals, in whole seconds and 3 s at least, or as it is said") {
  const auto lease = [](const std::string& more) {
    const auto loaded = load_service(more);
    CAPTURE(more);
    REQUIRE(loaded.errors.empty());
    return loaded.config.services.front().lease;
  };
  CHECK(lease(R"("interval": "10ms")") == 3s);
  CHECK(lease(R"("interval": "1001ms")") == 4s);
  CHECK(lease(R"("interval": "20s")") == 60s);
  CHECK(lease(R"("lease": "1s")") == 1s);
  CHECK(lease(R"("lease": "2000ms", "interval": "20s")") == 2s);
  CHECK(lease(R"("lease": "1m")") == 60s);
  check_error(load_service(R"("lease": "1500ms")"),
              "anyprobe.json: services[0].lease: 1500ms is no whole number of seconds, which the kernel "
              "counts in");
  check_error(load_service(R"("lease": "999ms")"),
              "anyprobe.json: services[0].lease: \"999ms\" is not from 1s to 24h");
  const auto shared = load(R"({"defaults": {"lease": "9s"}, "services": [
      {"name": "a", "probe": {"type": "dns"}, "advertise": [{"address": "192.0.2.1"}]},
      {"name": "b", "probe": {"type": "dns"}, "advertise": [{"address": "192.0.2.2"}], "lease": "5s"}]})");
  REQUIRE(shared.errors.empty());
  CHECK(shared.config.services[0].lease == 9s);
  CHECK(shared.config.services[1].lease == 5s);
}

TEST_CASE("from 100 addresses of all services on, a lease lasts for 15 s at least, unless it is said") {
  const auto leases = [](int addresses) {
    std::string list;
    for (int i = 1; i <= addresses - 3; ++i)
      list += (i == 1 ? "" : ", ") + (R"({"address": "192.0.2.)" + std::to_string(i)) + "\"}";
    const auto loaded = load(R"({"services": [
        {"name": "many", "probe": {"type": "dns"}, "advertise": [)" +
                             list + R"(]},
        {"name": "slow", "probe": {"type": "dns"}, "interval": "20s", "advertise": [{"address": "198.51.100.1"}]},
        {"name": "said", "probe": {"type": "dns"}, "lease": "2s", "advertise": [{"address": "198.51.100.2"}]},
        {"name": "stale", "probe": {"type": "dns"}, "stale_after": "2s", "advertise": [
          {"address": "198.51.100.3"}, {"route": "203.0.113.0/24", "device": "eth0"}, {"link": "eth1"}]}]})");
    REQUIRE(loaded.errors.empty());
    std::vector<Duration> out;
    for (const auto& service : loaded.config.services) {
      out.push_back(service.lease);
      out.push_back(service.health.stale_after);
    }
    return out;
  };
  using Durations = std::vector<Duration>;
  CHECK(leases(99) == Durations{3s, 3800ms, 60s, 60800ms, 2s, 3800ms, 3s, 2s});
  CHECK(leases(100) == Durations{15s, 15s, 60s, 60800ms, 2s, 3800ms, 15s, 2s});
}

TEST_CASE("without a word on it, no verdict is stale after the larger of the lease and all of its failures") {
  const auto stale = [](const std::string& more) {
    return load_service(more).config.services.front().health.stale_after;
  };
  CHECK(stale(R"("fall": 1)") == 3s);
  CHECK(stale(R"("fall": 10, "timeout": "500ms")") == 10500ms);
  CHECK(stale(R"("fall": 10, "lease": "12s")") == 12s);
  CHECK(stale(R"("fall": 10, "lease": "12s", "stale_after": "2s")") == 2s);
}

TEST_CASE("a short interval brings a short timeout with it") {
  const auto loaded = load_service(R"("interval": "100ms")");
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.config.services.front().timeout == 80ms);
}

TEST_CASE("damping: on by true, or by its own options") {
  CHECK(load_service(R"("damping": true)").config.services.front().health.damping->suppress == 2000);
  CHECK(load_service(R"("damping": {"half_life": "1m"})").config.services.front().health.damping->half_life ==
        1min);
  CHECK_FALSE(load_service(R"("damping": false)").config.services.front().health.damping);
}

TEST_CASE("every error has its path") {
  check_error(load_service("", R"({"type": "dns", "query": "example.org", "record": "AX"})"),
              "anyprobe.json: services[0].probe.record: \"AX\" is no record type (try A, AAAA, SOA, NS)");
  check_error(load_service(R"("interval": "fast")"),
              "anyprobe.json: services[0].interval: \"fast\" is no duration (try \"500ms\")");
  check_error(load_service(R"("interval": 5)"),
              "anyprobe.json: services[0].interval: 5 is no duration (try \"500ms\")");
  check_error(load_service(R"("interval": "1ms")"),
              "anyprobe.json: services[0].interval: \"1ms\" is not from 10ms to 24h");
  check_error(load_service(R"("timeout": "2s")"),
              "anyprobe.json: services[0].timeout: 2s is above the interval (1s)");
  check_error(load_service(R"("fast_interval": "2s")"),
              "anyprobe.json: services[0].fast_interval: 2s is above the interval (1s)");
  check_error(
      load_service(R"("stale_after": "1s")"),
      "anyprobe.json: services[0].stale_after: 1s is below interval and timeout together (1800ms): a service "
      "that answers would be stale");
  check_error(load_service(R"("fall": 0)"), "anyprobe.json: services[0].fall: 0 is not from 1 to 10000");
  check_error(load_service(R"("fall": -1)"), "anyprobe.json: services[0].fall: -1 is not from 1 to 10000");
  check_error(load_service(R"("fall": 2.9)"), "anyprobe.json: services[0].fall: 2.9 is no whole number");
  check_error(load_service(R"("fall": 18446744073709551615)"),
              "anyprobe.json: services[0].fall: 18446744073709551615 is not from 1 to 10000");
  check_error(load_service(R"("fall": "3")"), "anyprobe.json: services[0].fall: \"3\" is no whole number");
  check_error(load_service(R"("rise": [1, 2])"),
              "anyprobe.json: services[0].rise: takes one value, not an array");
  check_error(load_service(R"("fell": 3)"), "anyprobe.json: services[0].fell: is not known here");
  check_error(load_service(R"("damping": {"reuse": 3000})"),
              "anyprobe.json: services[0].damping.reuse: is not below suppress (2000)");
  check_error(load_service(R"("damping": 5)"),
              "anyprobe.json: services[0].damping: 5 is no object (try { ... })");
  check_error(load_service(R"("require": 2)"),
              "anyprobe.json: services[0].require: 2 is neither \"all\", \"any\" nor a number from 1 to 1");
  check_error(
      load_service("", R"({"type": "dsn"})"),
      "anyprobe.json: services[0].probe.type: \"dsn\" is no type of probe (one of " + builtin_types() + ")");
  check_error(load_service("", R"({"server": "127.0.0.1"})"),
              "anyprobe.json: services[0].probe: lacks \"type\" (one of " + builtin_types() + ")");
  check_error(load_service("", "5"), "anyprobe.json: services[0].probe: 5 is no object (try { ... })");
  check_error(
      load_service("", R"({"type": "dns", "server": ["127.0.0.1", "local host"]})"),
      "anyprobe.json: services[0].probe.server[1]: \"local host\" is neither an address nor a name, with a "
      "port or without (try 127.0.0.1, [::1]:53 or ns.example.org)");
  check_error(load_service("", R"({"type": "dns", "server": []})"),
              "anyprobe.json: services[0].probe.server: is an empty list");
  check_error(load_service("", R"({"type": "dns"})", R"([{"address": "192.0.2.1/33"}])"),
              "anyprobe.json: services[0].advertise[0].address: \"192.0.2.1/33\" is no prefix: an IPv4 "
              "address ends at "
              "/32");
  check_error(load_service("", R"({"type": "dns"})", R"([{"address": "127.0.0.2"}])"),
              "anyprobe.json: services[0].advertise[0].address: \"127.0.0.2\" cannot be a service address");
  check_error(
      load_service("", R"({"type": "dns"})",
                   R"([{"address": "192.0.2.1", "interface": "a-name-that-is-too-long"}])"),
      "anyprobe.json: services[0].advertise[0].interface: \"a-name-that-is-too-long\" is no name of an "
      "interface (1 to 15 characters)");
  check_error(load_service("", R"({"type": "dns"})", R"([{"interface": "lo"}])"),
              "anyprobe.json: services[0].advertise[0]: lacks \"address\", \"route\", \"link\" or "
              "\"addresses_from\"");
  check_error(load_service("", R"({"type": "dns"})", "[]"),
              "anyprobe.json: services[0].advertise: is empty: there is nothing to announce");
}

TEST_CASE("what is wrong with the whole has its place too") {
  check_error(load("[]"), "anyprobe.json: an array is no object (try { ... })");
  check_error(load("{}"), "anyprobe.json: lacks \"services\"");
  check_error(load(R"({"services": {}})"), "anyprobe.json: services: an object is no array (try [ ... ])");
  check_error(load(R"({"services": [], "servcies": []})"), "anyprobe.json: servcies: is not known here");
  check_error(load(R"({"services": [7]})"), "anyprobe.json: services[0]: 7 is no object (try { ... })");
  check_error(load(R"({"services": [], "user": "no-such-user"})"),
              "anyprobe.json: user: there is no user \"no-such-user\"");
  check_error(load(R"({"services": [], "user": "root"})"),
              "anyprobe.json: user: \"root\" is root: the prober must not be");
  check_error(load(R"({"services": [], "log": {"level": "loud"}})"),
              "anyprobe.json: log.level: \"loud\" is none of error, warning, info, debug");
  check_error(load(R"({"services": [], "frr": {"vty_dir": "run/frr"}})"),
              "anyprobe.json: frr.vty_dir: is no absolute path");
  check_error(load(R"({"services": [], "frr": {"vty": "/run/frr"}})"),
              "anyprobe.json: frr.vty: is not known here");
  check_error(load(R"({"services": [], "defaults": {"rise": 0}})"),
              "anyprobe.json: defaults.rise: 0 is not from 1 to 10000");
  check_error(load(R"({"services": [], "services": []})"), "anyprobe.json: services: stands here twice");
  check_error(load(R"({"services": [{"name": "a", "probe": {"type": "dns", "type": "tcp"}}]})"),
              "anyprobe.json: services[0].probe.type: stands here twice");
  check_error(load(std::string(100, '[') + std::string(100, ']')),
              "anyprobe.json: is nested more than 32 levels deep");
}

TEST_CASE("JSON is read as it stands, and a key that stands twice is called by its whole path") {
  const std::string text = R"({"a": [1, -2, 2.5, true, null, "x", [], {}, [[3]], {"b": {"c": [4, {"d": 5}]}}],
                               /* the largest */ "e": 18446744073709551615})";
  const auto document = parse_document("x", text);
  REQUIRE(document);
  CHECK(document->root == nlohmann::ordered_json::parse(text, nullptr, true, true));
  CHECK(parse_document("x", R"({"a": [{"b": 1}, {"c": {"d": 1, "e": [1, 2], "d": 2}}]})").error() ==
        "x: a[1].c.d: stands here twice");
  CHECK(parse_document("x", R"({"a": [1, {"b": 1e999}]})").error().starts_with("x: "));
}

TEST_CASE("where FRR is asked is as usual, or as it is said") {
  const auto usual = load(R"({"services": []})");
  CHECK(usual.config.vty_dir == "/run/frr");
  CHECK_FALSE(describe(usual.config).contains("frr"));
  const auto other = load(R"({"services": [], "frr": {"vty_dir": "/run/frr/blue"}})");
  CHECK(other.errors.empty());
  CHECK(other.config.vty_dir == "/run/frr/blue");
  CHECK(describe(other.config)["frr"]["vty_dir"] == "/run/frr/blue");
}

TEST_CASE("metrics are asked at a loopback address or a path, or nowhere") {
  CHECK_FALSE(load(R"({"services": []})").config.metrics);
  check_error(load(R"({"services": [], "metrics": {}})"), "anyprobe.json: metrics: lacks \"listen\"");
  check_error(
      load(R"({"services": [], "metrics": {"listen": "192.0.2.1:9477"}})"),
      "anyprobe.json: metrics.listen: \"192.0.2.1:9477\" is no loopback address: whoever asks is asked for "
      "no password (try 127.0.0.1:9477)");
  check_error(load(R"({"services": [], "metrics": {"listen": "127.0.0.1:9477", "port": 1}})"),
              "anyprobe.json: metrics.port: is not known here");
  check_error(load(R"({"services": [], "metrics": "127.0.0.1:9477"})"),
              "anyprobe.json: metrics: \"127.0.0.1:9477\" is no object (try { ... })");
  if (!WebServer::is_there() || !can_make_metrics()) return;
  const auto loaded = load(R"({"services": [], "metrics": {"listen": "[::1]:9477"}})");
  CHECK(loaded.errors.empty());
  REQUIRE(loaded.config.metrics);
  CHECK(loaded.config.metrics->to_string() == "[::1]:9477");
  CHECK(describe(loaded.config)["metrics"]["listen"] == "[::1]:9477");
}

TEST_CASE("text that is no JSON is told by line and column") {
  for (const std::string text :
       {"", "{", "{\"services\": [}", "\xff\xfe", "{\"services\": \"\xc3\x28\"}", "{} {}"}) {
    const auto loaded = load(text);
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors.front().starts_with("anyprobe.json: line 1, column "));
    CHECK(loaded.errors.front().find('\n') == std::string::npos);
  }
}

TEST_CASE("all errors are told at once") {
  const auto loaded = load(R"({"services": [
    {"name": "a b", "probe": {"type": "dns", "min_answers": -1}, "advertise": [{"address": "nowhere"}], "rise": 0},
    {"probe": {"type": "dns"}, "probes": [], "advertise": [{"address": "192.0.2.2"}]},
    {"name": "c", "advertise": [{"address": "192.0.2.3"}]}]})");
  CHECK(loaded.errors.size() == 7);
}

TEST_CASE("two services may have neither the same name nor prefixes that overlap") {
  const auto two = [](const std::string& first, const std::string& second, const std::string& name = "b") {
    return load(R"({"services": [
      {"name": "a", "probe": {"type": "dns"}, "advertise": [{"address": ")" +
                first + R"("}]},
      {"name": ")" +
                name + R"(", "probe": {"type": "dns"}, "advertise": [{"address": ")" + second + R"("}]}]})");
  };
  CHECK(two("192.0.2.1", "192.0.2.2").errors.empty());
  CHECK(two("192.0.2.1", "2001:db8::1").errors.empty());
  check_error(
      two("192.0.2.1/32", "192.0.2.1"),
      "anyprobe.json: services[1].advertise[0].address: 192.0.2.1/32 overlaps 192.0.2.1/32 of service \"a\"");
  check_error(
      two("192.0.2.0/24", "192.0.2.1"),
      "anyprobe.json: services[1].advertise[0].address: 192.0.2.1/32 overlaps 192.0.2.0/24 of service \"a\"");
  check_error(two("2001:db8::1", "2001:db8::/64"),
              "anyprobe.json: services[1].advertise[0].address: 2001:db8::/64 overlaps 2001:db8::1/128 of "
              "service \"a\"");
  check_error(two("192.0.2.1", "192.0.2.2", "a"),
              "anyprobe.json: services[1].name: \"a\" names another service already");
}

TEST_CASE("a probe that would ask the address that its own service announces is refused") {
  const auto loaded = load_service("", R"({"type": "dns", "server": "192.0.2.1"})");
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors.front().starts_with(
      "anyprobe.json: services[0].probe.server: asks 192.0.2.1, which the service itself announces"));
  CHECK(load_service("", R"({"type": "dns", "server": "192.0.2.1", "bind_device": "lo"})").errors.empty());
  CHECK(load_service("", R"({"type": "dns", "server": "192.0.2.2"})").errors.empty());
  const auto second = load_service("", R"({"type": "dns", "server": ["127.0.0.1", "192.0.2.1:5353"]})");
  CHECK(second.errors.front().starts_with("anyprobe.json: services[0].probe.server[1]: asks 192.0.2.1"));
  const auto ports = load_service("", R"({"type": "tcp", "host": "192.0.2.1", "ports": [80, 443]})");
  REQUIRE(ports.errors.size() == 1);
  CHECK(ports.errors.front().starts_with("anyprobe.json: services[0].probe"));
}

TEST_CASE("several files are one configuration, and errors name theirs") {
  const std::string good = R"({"defaults": {"fall": 7}, "services": []})";
  const auto service = [](const std::string& name, const std::string& address) {
    return R"({"services": [{"name": ")" + name +
           R"(", "probe": {"type": "dns"}, "advertise": [{"address": ")" + address + R"("}]}]})";
  };
  const auto loaded = load({{"anyprobe.json", good},
                            {"conf.d/a.json", service("a", "192.0.2.1")},
                            {"conf.d/b.json", service("b", "192.0.2.2")}});
  REQUIRE(loaded.errors.empty());
  REQUIRE(loaded.config.services.size() == 2);
  CHECK(loaded.config.services[1].health.fall == 7);
  check_error(
      load({{"anyprobe.json", good},
            {"conf.d/a.json", service("a", "192.0.2.1")},
            {"conf.d/b.json", service("b", "192.0.2.1")}}),
      "conf.d/b.json: services[0].advertise[0].address: 192.0.2.1/32 overlaps 192.0.2.1/32 of service \"a\"");
}

TEST_CASE("several probes: require says how many must pass") {
  const auto with = [](const std::string& require) {
    return load(R"({"services": [{"name": "a", "probes": [{"type": "dns"}, {"type": "dns", "server": "::1"}],
                    "advertise": [{"address": "192.0.2.1"}])" +
                require + "}]}");
  };
  CHECK(with("").config.services.front().need == 2);
  CHECK(with(R"(, "require": "any")").config.services.front().need == 1);
  CHECK(with(R"(, "require": 1)").config.services.front().need == 1);
  CHECK(with(R"(, "require": "all")").config.services.front().probes.size() == 2);
}

TEST_CASE("durations") {
  CHECK(*parse_duration("250ms") == 250ms);
  CHECK(*parse_duration("1s") == 1s);
  CHECK(*parse_duration("2m") == 2min);
  CHECK(*parse_duration("1h") == 1h);
  for (const char* wrong :
       {"", "1", "s", "-1s", "1.5s", "1 s", "1sec", "99999999999999999999s", "9999999999h"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_duration(wrong));
  }
  CHECK(format_duration(1500ms) == "1500ms");
  CHECK(format_duration(0ms) == "0s");
  CHECK(format_duration(120s) == "2m");
}
