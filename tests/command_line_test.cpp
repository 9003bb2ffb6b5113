#include "core/command_line.hpp"

#include <doctest/doctest.h>

#include "probes/builtin.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

Outcome<CommandLine> parse(const std::vector<std::string>& arguments) {
  static PluginTable plugins(builtin_probes());
  return parse_command_line(arguments, plugins);
}

struct Loaded {
  Config config;
  ConfigErrors errors;
};

// As `dns-probe ARGUMENTS`, with the text of its file if there is one.
Loaded dns_probe(std::vector<std::string> arguments, const std::string& file = {}) {
  static EventLoop loop;
  PluginTable plugins(builtin_probes());
  arguments.insert(arguments.begin(), "/usr/sbin/dns-probe");
  const auto line = parse(arguments);
  REQUIRE(line);
  Loaded out;
  std::vector<SourceFile> files;
  if (!file.empty()) files.push_back({"dns-probe.json", file});
  const auto documents = assemble(*line, files, out.errors);
  ConfigContext context;
  context.loop = &loop;
  context.plugins = &plugins;
  if (out.errors.empty()) out.config = load_config(documents, context, out.errors);
  return out;
}

constexpr const char* kFile = R"({"services": [{"name": "resolver", "fall": 7,
  "probe": {"type": "dns", "query": "file.example.org"}, "advertise": [{"address": "192.0.2.9"}]}]})";

}  // namespace

TEST_CASE("the name it is started by picks the probe") {
  const auto line = parse({"/usr/local/sbin/dns-probe", "--address", "192.0.2.1"});
  REQUIRE(line);
  CHECK(line->command == Command::probe_daemon);
  CHECK(line->program == "dns-probe");
  CHECK(line->type == "dns");
  CHECK(line->instance() == "dns-probe");
  CHECK(parse({"dns-probe", "--name", "second", "--address", "192.0.2.1"})->instance() == "second");
  CHECK(parse({"nosuch-probe"}).error() == "there is no probe of type \"nosuch\"");
}

TEST_CASE("flags are the service") {
  const auto loaded = dns_probe({"--address", "192.0.2.1/32", "--address=2001:db8::1", "--interface", "eth7",
                                 "--fall", "5", "--interval", "2s", "--query", "www.example.org", "--server",
                                 "127.0.0.1", "--server", "[::1]:5353", "--recursion"});
  REQUIRE(loaded.errors.empty());
  const auto& service = loaded.config.services.at(0);
  CHECK(service.name == "dns-probe");
  CHECK(service.health.fall == 5);
  CHECK(service.schedule.interval == 2s);
  REQUIRE(service.advertise.size() == 2);
  CHECK(service.advertise[1].to_string() == "2001:db8::1/128 on eth7");
  CHECK(service.probes.at(0)->endpoints().size() == 2);
}

TEST_CASE("flags win over the file, and a scalar given twice over itself") {
  const auto loaded = dns_probe({"--fall", "5", "--fall", "6", "--address", "192.0.2.1"}, kFile);
  REQUIRE(loaded.errors.empty());
  const auto& service = loaded.config.services.at(0);
  CHECK(service.name == "resolver");
  CHECK(service.health.fall == 6);
  REQUIRE(service.advertise.size() == 1);
  CHECK(service.advertise[0].prefix.to_string() == "192.0.2.1/32");
}

TEST_CASE("the file alone will do") {
  const auto loaded = dns_probe({}, kFile);
  REQUIRE(loaded.errors.empty());
  CHECK(loaded.config.services.at(0).health.fall == 7);
}

TEST_CASE("a wrong flag names itself") {
  const auto wrong = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "dns-probe");
    return parse(arguments).error();
  };
  CHECK(wrong({"--recrod", "A"}) == "--recrod: no such option, or one cut too short");
  CHECK(wrong({"--recrod=A"}) == "--recrod: no such option, or one cut too short");
  CHECK(wrong({"-x"}) == "-x: no such option, or one cut too short");
  CHECK(wrong({"--name", "../../etc/passwd"}) ==
        "--name: \"../../etc/passwd\" is no name (letters, digits, dot, dash and underscore, at most 64)");
  CHECK(wrong({"--interface", "eth7"}) == "--interface: goes with --address");
  CHECK(wrong({"--address"}) == "--address: lacks its value");
  CHECK(wrong({"--foreground=yes"}) == "--foreground: takes no value");
  CHECK(wrong({"--log-level", "loud"}) == "--log-level: \"loud\" is none of error, warning, info, debug");
  CHECK(wrong({"more"}) == "\"more\" is one argument too many");
  CHECK(wrong({"--query", "\xff"}) == "--query: is no UTF-8");
}

TEST_CASE("a wrong value is told by its flag, and is a usage error") {
  const auto told = [](const std::vector<std::string>& arguments, const std::string& file = {}) {
    const auto loaded = dns_probe(arguments, file);
    CHECK(loaded.errors.all_from_flags());
    REQUIRE(loaded.errors.size() == 1);
    return loaded.errors.lines().front();
  };
  CHECK(told({"--address", "192.0.2.1/33"}) ==
        "--address: \"192.0.2.1/33\" is no prefix: an IPv4 address ends at /32");
  CHECK(told({"--address", "192.0.2.1", "--fall", "many"}) == "--fall: \"many\" is no whole number");
  CHECK(told({"--timeout", "2s"}, kFile) == "--timeout: 2s is above the interval (1s)");
  CHECK(told({"--address", "192.0.2.1", "--min-answers", "-1"}).starts_with("--min-answers: -1 is "));
  CHECK(told({"--address", "192.0.2.1", "--recursion=maybe"}) ==
        "--recursion: \"maybe\" is neither true nor false");
  CHECK(told({"--address", "192.0.2.1", "--server", "192.0.2.1"})
            .starts_with("--server: asks 192.0.2.1, which "));
  CHECK(told({}) == "--address: is needed, there is nothing to announce");
}

TEST_CASE("an error of the file is none of usage") {
  const auto loaded = dns_probe({"--fall", "many"},
                                R"({"services": [{"rise": 0, "advertise": [{"address": "192.0.2.9"}]}]})");
  CHECK(loaded.errors.size() == 2);
  CHECK_FALSE(loaded.errors.all_from_flags());
}

TEST_CASE("a file of several services, or of another probe, is not for a NAME-probe") {
  CHECK(dns_probe({}, R"({"services": []})").errors.lines().front() ==
        "dns-probe.json: services: dns-probe runs one service, here are 0 (anyprobe run takes several)");
  CHECK(dns_probe({}, R"({"services": [{"probe": {"type": "tcp"}}]})").errors.lines().front() ==
        "dns-probe.json: services[0].probe.type: \"tcp\" is not what dns-probe runs (\"dns\")");
}

TEST_CASE("check takes a type and its options, or names of services") {
  const auto line = parse({"anyprobe", "check", "--type", "dns", "--query", "example.org"});
  REQUIRE(line);
  CHECK(line->type == "dns");
  CHECK(line->settings.size() == 1);
  CHECK(parse({"anyprobe", "check", "one", "two"})->names.size() == 2);
  CHECK(parse({"anyprobe", "check", "--type", "dsn"}).error() ==
        "--type: \"dsn\" is no type of probe (one of dns, tcp)");
  CHECK_FALSE(parse({"anyprobe", "check", "--type", "dns", "one"}));
}

TEST_CASE("commands") {
  CHECK(parse({"anyprobe"}).error() == "lacks a command (see anyprobe --help)");
  CHECK(parse({"anyprobe", "walk"}).error() == "\"walk\" is no command (see anyprobe --help)");
  CHECK(parse({"anyprobe", "run", "--dry-run"})->dry_run);
  CHECK(parse({"anyprobe", "validate", "--print"})->print);
  CHECK(parse({"anyprobe", "probes", "dns"})->names.front() == "dns");
  CHECK_FALSE(parse({"anyprobe", "probes", "dns", "more"}));
}

TEST_CASE("help is there for every form") {
  const std::vector<std::vector<std::string>> forms = {{"anyprobe", "--help"},
                                                       {"anyprobe", "run", "--help"},
                                                       {"anyprobe", "check", "--help"},
                                                       {"dns-probe", "--help"},
                                                       {"anyprobe", "validate", "--help"}};
  for (const auto& form : forms) {
    const auto line = parse(form);
    REQUIRE(line);
    CHECK(line->command == Command::help);
    CHECK(line->help.starts_with("Usage: "));
  }
  CHECK(parse({"dns-probe", "--help"})->help.find("--min-answers") != std::string::npos);
  for (const auto& plugin : builtin_probes()) {
    for (const auto& spec : plugin->options) {
      CAPTURE(spec.name);
      CHECK(std::string(spec.help).size() > 5);
    }
  }
}
