#include "core/command_line.hpp"

#include <doctest/doctest.h>

#include "core/command_words.hpp"
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
Loaded dns_probe(std::vector<std::string> arguments, const std::string& file = {},
                 const std::string& program = "dns-probe") {
  static EventLoop loop;
  PluginTable plugins(builtin_probes());
  arguments.insert(arguments.begin(), "/usr/sbin/" + program);
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
  CHECK(parse({"nosuch-probe"}).error() == "no probe is started by this name (see anyprobe probes)");
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

TEST_CASE("flags of routes, links and files of addresses") {
  const auto loaded = dns_probe({"--address",     "192.0.2.1",   "--route",  "192.0.2.153", "--route",
                                 "2001:db8::153", "--device",    "bond0",    "--route",     "198.51.100.0/24",
                                 "--via",         "203.0.113.1", "--metric", "20",          "--table",
                                 "100",           "--link",      "dummy0",   "--interface", "eth7"});
  REQUIRE(loaded.errors.lines() == std::vector<std::string>());
  std::vector<std::string> texts;
  for (const auto& what : loaded.config.services.at(0).advertise) texts.push_back(what.to_string());
  CHECK(texts == std::vector<std::string>{
                     "192.0.2.1/32 on eth7", "192.0.2.153/32 dev bond0", "2001:db8::153/128 dev bond0",
                     "198.51.100.0/24 via 203.0.113.1 table 100 metric 20", "link dummy0"});
}

TEST_CASE("tcp-route-probe DEV ADDR PORT...") {
  const auto line = parse({"tcp-route-probe", "--rise", "1", "bond0", "192.0.2.153", "80", "443"});
  REQUIRE(line);
  CHECK(line->instance() == "tcp-route-probe-192.0.2.153");
  CHECK(parse({"tcp-route-probe", "bond0", "2001:DB8::0153", "80"})->instance() ==
        "tcp-route-probe-2001:db8::153");
  CHECK(parse({"tcp-route-probe", "--name", "greenford", "bond0", "192.0.2.153", "80"})->instance() ==
        "greenford");

  const auto tcp = [](std::vector<std::string> arguments) {
    return dns_probe(std::move(arguments), {}, "tcp-route-probe");
  };
  for (const char* address : {"192.0.2.153", "2001:db8::153"}) {
    const auto loaded = tcp({"--rise", "1", "--link", "dummy0", "bond0", address, "80", "443"});
    REQUIRE(loaded.errors.lines() == std::vector<std::string>());
    const auto& service = loaded.config.services.at(0);
    CHECK(service.name == "tcp-route-probe-" + std::string(address));
    CHECK(service.health.rise == 1);
    const auto endpoints = service.probes.at(0)->endpoints();
    REQUIRE(endpoints.size() == 2);
    CHECK(endpoints[1].address.ip.to_string() == address);
    CHECK(endpoints[1].address.port == 443);
    CHECK(endpoints[1].device.empty());
    REQUIRE(service.advertise.size() == 2);
    CHECK(service.advertise[0].to_string() ==
          std::string(address) + (address[3] == '.' ? "/32" : "/128") + " dev bond0");
    CHECK(service.advertise[1].to_string() == "link dummy0");
  }
  const auto plain =
      tcp({"--host", "192.0.2.153", "--ports", "80", "--route", "192.0.2.153", "--device", "bond0"});
  REQUIRE(plain.errors.lines() == std::vector<std::string>());
  CHECK(plain.config.services.at(0).name == "tcp-route-probe");
}

TEST_CASE("wrong words of tcp-route-probe") {
  const auto wrong = [](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "tcp-route-probe");
    return parse(arguments).error();
  };
  CHECK(wrong({"bond0"}) == "ADDR: is missing (DEV ADDR PORT...)");
  CHECK(wrong({"bond0", "192.0.2.153"}) == "PORT: is missing (DEV ADDR PORT...)");
  CHECK(wrong({"bond0", "www.example.org", "80"}) == "ADDR: \"www.example.org\" is no IP address");
  CHECK(wrong({"bond0", "192.0.2.153", "80", "--rise", "1"}) == "--rise: options go before DEV");
  CHECK(wrong({"--ports", "80", "bond0", "192.0.2.153", "80"}) ==
        "--ports: does not go with DEV ADDR PORT...");
  const auto told = [](const std::vector<std::string>& arguments) {
    const auto loaded = dns_probe(arguments, {}, "tcp-route-probe");
    CHECK(loaded.errors.all_from_flags());
    REQUIRE(loaded.errors.size() == 1);
    return loaded.errors.lines().front();
  };
  CHECK(told({"bond0", "192.0.2.153", "http"}) == "PORT: \"http\" is no whole number");
  CHECK(told({"bond0", "192.0.2.153", "0"}) == "PORT: 0 is not from 1 to 65535");
  CHECK(told({"a-name-that-is-too-long", "192.0.2.153", "80"}).starts_with("DEV: \"a-name-that-is"));
  CHECK(told({"bond0", "127.0.0.1", "80"}).starts_with("ADDR: \"127.0.0.1/32\" cannot be the route"));
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

TEST_CASE("a flag of what is beside the services is put there") {
  constexpr const char* kSpaced = R"({"lsa_spacing": "3s", "services": [{"name": "resolver",
    "probe": {"type": "dns"}, "advertise": [{"address": "192.0.2.9"}]}]})";
  CHECK(dns_probe({"--address", "192.0.2.1"}).config.lsa_spacing == 1050ms);
  CHECK(dns_probe({"--address", "192.0.2.1", "--lsa-spacing", "0s"}).config.lsa_spacing == 0s);
  CHECK(dns_probe({}, kSpaced).config.lsa_spacing == 3s);
  CHECK(dns_probe({"--lsa-spacing", "2s"}, kSpaced).config.lsa_spacing == 2s);
}

TEST_CASE("what this build was made without is told by its name") {
  static constexpr AbsentProbe kAbsent[] = {{"weather", "weather-probe", "libweather"},
                                            {"tide", nullptr, "libtide"}};
  const PluginTable plugins(builtin_probes(), kAbsent);
  const auto started = parse_command_line({"/usr/sbin/weather-probe"}, plugins);
  REQUIRE_FALSE(started);
  CHECK(started.error() == "the weather probe needs libweather, which this build lacks");
  const auto typed = parse_command_line({"anyprobe", "check", "--type", "tide"}, plugins);
  REQUIRE_FALSE(typed);
  CHECK(typed.error() == R"(--type: "tide" needs libtide, which this build lacks)");
  CHECK(plugins.why_not("rain").starts_with("is no type of probe (one of "));
  // Each is either there or absent.
  const PluginTable ours(builtin_probes(), absent_probes());
  CHECK((ours.find("http_proxy") == nullptr) == !ours.why_not_program("squid-probe").empty());
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
        "--name: \"../../etc/passwd\" is no name (letters, digits, dot, dash, underscore and colon, at most "
        "64)");
  CHECK(wrong({"--interface", "eth7"}) == "--interface: goes with --address or --addresses-from");
  CHECK(wrong({"--device", "bond0"}) == "--device: stands after the --route that it is of");
  CHECK(wrong({"--interface", "lo", "--route", "192.0.2.153", "--device", "bond0"}) ==
        "--interface: goes with --address or --addresses-from");
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
  CHECK(told({"--route", "192.0.2.153"}) == "--route: lacks \"device\" or \"via\"");
  CHECK(told({"--route", "192.0.2.1/24", "--device", "bond0"})
            .starts_with("--route: \"192.0.2.1/24\" has bits"));
  CHECK(told({"--route", "192.0.2.153", "--device", "bond0", "--metric", "low"}) ==
        "--metric: \"low\" is no whole number");
  CHECK(told({"--route", "192.0.2.153", "--via", "2001:db8::1"}).starts_with("--via: \"2001:db8::1\" is of"));
  CHECK(told({"--address", "192.0.2.1", "--lsa-spacing", "2m"}).starts_with("--lsa-spacing: "));
  CHECK(told({"--link", "lo"}).starts_with("--link: \"lo\" is the loopback"));
  CHECK(told({"--addresses-from", "/nonexistent/list"}).starts_with("--addresses-from: /nonexistent/list: "));
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
        "--type: \"dsn\" is no type of probe (one of " + PluginTable(builtin_probes()).types() + ")");
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

TEST_CASE("commands that look, and print") {
  auto line = parse({"anyprobe", "frr-config", "--style", "bird", "--config", "/a.json"});
  REQUIRE(line);
  CHECK(line->command == Command::frr_config);
  CHECK(line->style == "bird");
  CHECK(line->config == "/a.json");
  CHECK(parse({"anyprobe", "frr-config"})->style == "frr");
  CHECK(parse({"anyprobe", "frr-config", "--style", "junos"}).error() ==
        "--style: \"junos\" is none of frr, quagga, bird");
  line = parse({"anyprobe", "init", "--output", "/a.json", "--frr-dir", "/b", "--vty-dir", "/c"});
  REQUIRE(line);
  CHECK(line->command == Command::init);
  CHECK(line->output == "/a.json");
  CHECK(line->frr_dir == "/b");
  CHECK(line->vty_dir == "/c");
  CHECK_FALSE(parse({"anyprobe", "init", "--config", "/a.json"}));
  CHECK(parse({"anyprobe", "schema"})->command == Command::schema);
  CHECK_FALSE(parse({"anyprobe", "schema", "dns"}));
}

TEST_CASE("commands to one instance name it") {
  auto line = parse({"anyprobe", "reload", "--name", "dns-probe", "--timeout", "5s"});
  REQUIRE(line);
  CHECK(line->command == Command::reload);
  CHECK(line->name == "dns-probe");
  CHECK(line->timeout == 5s);
  CHECK_FALSE(parse({"anyprobe", "reload", "--name", "../x"}));
  line = parse({"anyprobe", "withdraw", "--name", "one", "--after", "success"});
  REQUIRE(line);
  CHECK(line->name == "one");
  CHECK(line->after == "success");
  CHECK(parse({"anyprobe", "run", "--name", "two"})->name == "two");
}

TEST_CASE("where others ask a daemon is a flag of each form") {
  for (const char* program : {"run", "dns-probe"}) {
    std::vector<std::string> words = {"anyprobe", program};
    if (words[1] != "run") words = {program, "--address", "192.0.2.1"};
    words.insert(words.end(), {"--metrics-listen", "127.0.0.1:9477", "--agent", "192.0.2.2:9707"});
    const auto line = parse(words);
    REQUIRE(line);
    std::vector<std::string> paths;
    for (const auto& setting : line->settings) {
      if (setting.top) paths.push_back(setting.path);
    }
    CHECK(paths == std::vector<std::string>{"metrics.listen", "agent.listen"});
  }
}

TEST_CASE("help is there for every form") {
  std::vector<std::vector<std::string>> forms = {{"anyprobe", "--help"}, {"dns-probe", "--help"}};
  const auto usage = parse({"anyprobe", "--help"})->help;
  for (const auto& words : command_words()) {
    forms.push_back({"anyprobe", words.name, "--help"});
    CHECK(usage.find("  " + std::string(words.name) + words.arguments + " ") != std::string::npos);
  }
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

TEST_CASE("drain and resume take services, or all of them, and how long to wait") {
  auto line = parse(
      {"anyprobe", "drain", "--wait", "--timeout", "90s", "--run-dir", "/run/elsewhere", "dns", "mail"});
  REQUIRE(line);
  CHECK(line->command == Command::drain);
  CHECK(line->names == std::vector<std::string>{"dns", "mail"});
  CHECK(line->wait);
  CHECK_FALSE(line->all);
  CHECK(line->timeout == std::chrono::seconds(90));
  CHECK(line->run_dir == "/run/elsewhere");
  line = parse({"anyprobe", "resume", "--all"});
  REQUIRE(line);
  CHECK(line->command == Command::resume);
  CHECK(line->all);
  CHECK_FALSE(line->wait);
  CHECK(line->timeout == std::chrono::seconds(30));
  CHECK(parse({"anyprobe", "drain"}).error() == "lacks a SERVICE, or --all");
  CHECK(parse({"anyprobe", "drain", "--all", "dns"}).error() == "\"dns\": with --all, no service");
  CHECK_FALSE(parse({"anyprobe", "drain", "--timeout", "soon", "dns"}));
  CHECK_FALSE(parse({"anyprobe", "resume", "--config", "x", "dns"}));
  CHECK(parse({"anyprobe", "drain", "--help"})->help.find("--wait") != std::string::npos);
}

TEST_CASE("doctor takes folders and a format") {
  const auto line =
      parse({"anyprobe", "doctor", "--json", "--run-dir", "/run/a", "--vty-dir", "/run/frr/b", "--root=/c"});
  REQUIRE(line);
  CHECK(line->command == Command::doctor);
  CHECK(line->as_json);
  CHECK(line->run_dir == "/run/a");
  CHECK(line->vty_dir == "/run/frr/b");
  CHECK(line->root == "/c");
  CHECK(parse({"anyprobe", "doctor", "dns"}).error() == "\"dns\" is one argument too many");
  CHECK(parse({"anyprobe", "doctor", "--vty-dir="}).error() == "--vty-dir: is empty");
}

TEST_CASE("status takes services, a folder and a format, and no configuration") {
  const auto line = parse({"anyprobe", "status", "--json", "--run-dir", "/run/elsewhere", "dns", "mail"});
  REQUIRE(line);
  CHECK(line->command == Command::status);
  CHECK(line->as_json);
  CHECK(line->run_dir == "/run/elsewhere");
  CHECK(line->names == std::vector<std::string>{"dns", "mail"});
  const auto bare = parse({"anyprobe", "status"});
  REQUIRE(bare);
  CHECK_FALSE(bare->as_json);
  CHECK(bare->run_dir == "/run/anyprobe");
  CHECK_FALSE(bare->as_nagios);
  CHECK(parse({"anyprobe", "status", "dns", "--nagios"})->as_nagios);
  CHECK(parse({"anyprobe", "status", "--nagios", "--json"}).error() == "--nagios: does not go with --json");
  CHECK_FALSE(parse({"anyprobe", "status", "--config", "x"}));
  CHECK(parse({"anyprobe", "status", "--run-dir="}).error() == "--run-dir: is empty");
  CHECK(parse({"anyprobe", "status", "--help"})->help.find("--json") != std::string::npos);
}
