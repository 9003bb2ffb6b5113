// What may stand in "advertise".
#include <doctest/doctest.h>

#include "core/advertise_reader.hpp"
#include "loaded_config.hpp"

using namespace anyprobe;

namespace {

using Words = std::vector<std::string>;

struct Loaded : LoadedConfig {
  [[nodiscard]] Words texts() const {
    Words out;
    for (const auto& service : config.services) {
      for (const auto& what : service.advertise) out.push_back(what.to_string());
    }
    return out;
  }
};

// Services "a", "b", ... that announce these; with the files they name.
Loaded load(const Words& lists, const std::vector<SourceFile>& files = {},
            const std::string& probe = R"({"type": "dns"})") {
  std::string services;
  for (const auto& list : lists) {
    services += std::string(services.empty() ? "" : ", ") + R"({"name": ")" +
                static_cast<char>('a' + (&list - lists.data())) + R"(", "probe": )" + probe +
                R"(, "advertise": [)" + list + "]}";
  }
  std::vector<SourceFile> all{{"anyprobe.json", R"({"services": [)" + services + "]}"}};
  all.insert(all.end(), files.begin(), files.end());
  return {loaded_from(all)};
}

Loaded load_file(const std::string& text, const std::string& more = "") {
  return load({R"({"addresses_from": "/etc/vips")" + more + "}"},
              {{"/etc/vips", text, SourceFile::Role::attachment}});
}

void check_errors(const Loaded& loaded, Words lines) {
  for (auto& line : lines) line.insert(0, "anyprobe.json: services[0].advertise[0]");
  CHECK(loaded.errors == lines);
}

}  // namespace

TEST_CASE("every kind beside the others, three addresses a family among them") {
  const auto loaded = load({R"({"address": "192.0.2.1"}, {"address": "192.0.2.2"}, {"address": "192.0.2.3"},
      {"address": "2001:db8::1"}, {"address": "2001:db8::2"}, {"address": "2001:db8::3", "interface": "dummy1"},
      {"route": "192.0.2.153/32", "device": "bond0"},
      {"route": "2001:db8:1::/64", "via": "2001:db8::ffff", "metric": 20, "table": 1000},
      {"link": "dummy0"})"});
  REQUIRE(loaded.errors == Words());
  CHECK(loaded.texts() == Words{"192.0.2.1/32 on lo", "192.0.2.2/32 on lo", "192.0.2.3/32 on lo",
                                "2001:db8::1/128 on lo", "2001:db8::2/128 on lo", "2001:db8::3/128 on dummy1",
                                "192.0.2.153/32 dev bond0",
                                "2001:db8:1::/64 via 2001:db8::ffff table 1000 metric 20", "link dummy0"});
  const auto& list = loaded.config.services[0].advertise;
  CHECK(list[6].metric == 0);
  CHECK(list[6].table == kMainTable);
  const auto shown = describe(loaded.config)["services"][0]["advertise"];
  CHECK(shown[5].dump() == R"({"address":"2001:db8::3/128","interface":"dummy1"})");
  CHECK(shown[6].dump() == R"({"route":"192.0.2.153/32","device":"bond0","metric":0,"table":254})");
  CHECK(shown[7].dump() == R"({"route":"2001:db8:1::/64","via":"2001:db8::ffff","metric":20,"table":1000})");
  CHECK(shown[8].dump() == R"({"link":"dummy0"})");
  // What is printed is understood again.
  std::string again;
  for (const auto& item : shown) again += (again.empty() ? "" : ", ") + item.dump();
  CHECK(load({again}).texts() == loaded.texts());
}

TEST_CASE("the metric of an IPv6 route is the kernel's own where none is said") {
  const auto loaded = load({R"({"route": "2001:db8::153", "device": "bond0"})"});
  REQUIRE(loaded.errors == Words());
  CHECK(loaded.config.services[0].advertise[0].metric == 1024);
  CHECK(loaded.texts() == Words{"2001:db8::153/128 dev bond0"});
}

TEST_CASE("wrong routes and links") {
  const auto check = [](const char* item, const char* error) {
    CAPTURE(item);
    check_errors(load({item}), {error});
  };
  check(R"({"route": "192.0.2.153"})", R"(: lacks "device" or "via")");
  check(R"({"route": "192.0.2.153/24", "device": "bond0"})",
        R"(.route: "192.0.2.153/24" has bits set beyond its length (try 192.0.2.0/24))");
  check(R"({"route": "2001:db8::1/64", "device": "bond0"})",
        R"(.route: "2001:db8::1/64" has bits set beyond its length (try 2001:db8::/64))");
  check(R"({"route": "0.0.0.0/0", "device": "bond0"})",
        R"(.route: "0.0.0.0/0" cannot be the route of a service)");
  check(R"({"route": "bond0"})", R"(.route: "bond0" is no prefix (try 192.0.2.1/32 or 2001:db8::1/128))");
  check(R"({"route": "192.0.2.153", "device": ""})",
        R"(.device: "" is no name of an interface (1 to 15 characters))");
  check(R"({"route": "192.0.2.153", "device": "a/b"})",
        R"(.device: "a/b" is no name of an interface (1 to 15 characters))");
  check(R"({"route": "192.0.2.153", "device": "sixteen-letters-"})",
        R"(.device: "sixteen-letters-" is no name of an interface (1 to 15 characters))");
  check(R"({"route": "192.0.2.153", "via": "2001:db8::1"})",
        R"(.via: "2001:db8::1" is of another family than the route)");
  check(R"({"route": "192.0.2.153", "via": "gateway"})", R"(.via: "gateway" is no IP address)");
  check(R"({"route": "192.0.2.153", "device": "bond0", "metric": -1})",
        ".metric: -1 is not from 0 to 4294967295");
  check(R"({"route": "192.0.2.153", "device": "bond0", "table": 0})",
        ".table: 0 is not from 1 to 4294967295");
  check(R"({"route": "192.0.2.153", "device": "bond0", "table": 255})",
        ".table: 255 is the kernel's own table of local addresses");
  check(R"({"route": "192.0.2.153", "device": "bond0", "interface": "lo"})", ".interface: is not known here");
  check(R"({"address": "192.0.2.153", "device": "bond0"})", ".device: is not known here");
  check(R"({"address": "192.0.2.153", "route": "192.0.2.153"})",
        R"(: has both "address" and "route" (give each its own { }))");
  check(R"({"link": "a-name-that-is-too-long"})",
        R"(.link: "a-name-that-is-too-long" is no name of an interface (1 to 15 characters))");
  check(R"({"link": "lo"})",
        R"(.link: "lo" is the loopback interface, without which the host does not work)");
}

TEST_CASE("no two announce the same") {
  const auto clash = [](const char* first, const char* second) {
    const auto loaded = load({first, second});
    return loaded.errors.empty() ? std::string() : loaded.errors.front();
  };
  const auto* route = R"({"route": "192.0.2.0/24", "device": "bond0"})";
  const std::string at = "anyprobe.json: services[1].advertise[0]";
  CHECK(clash(route, R"({"route": "192.0.2.0/24", "device": "bond1"})") ==
        at + ".route: 192.0.2.0/24 overlaps 192.0.2.0/24 of service \"a\"");
  CHECK(clash(route, R"({"route": "192.0.2.128/25", "device": "bond1", "metric": 5})") ==
        at + ".route: 192.0.2.128/25 overlaps 192.0.2.0/24 of service \"a\"");
  CHECK(clash(route, R"({"address": "192.0.2.1"})") ==
        at + ".address: 192.0.2.1/32 overlaps 192.0.2.0/24 of service \"a\"");
  CHECK(clash(R"({"address": "192.0.2.1"})", R"({"route": "192.0.2.1", "device": "bond0"})") ==
        at + ".route: 192.0.2.1/32 overlaps 192.0.2.1/32 of service \"a\"");
  CHECK(clash(route, R"({"route": "192.0.2.0/24", "device": "bond0", "table": 100})").empty());
  CHECK(clash(R"({"address": "192.0.2.1"})", R"({"route": "192.0.2.0/24", "device": "bond0", "table": 100})")
            .empty());
  CHECK(clash(R"({"link": "dummy0"})", R"({"link": "dummy0"})") ==
        at + ".link: \"dummy0\" is a link of service \"a\" already");
}

TEST_CASE("a probe may ask what its route leads to, but no address of its own") {
  const auto* probe = R"({"type": "tcp", "host": "192.0.2.153", "ports": 80})";
  CHECK(load({R"({"route": "192.0.2.153", "device": "bond0"})"}, {}, probe).errors == Words());
  CHECK(load({R"({"address": "192.0.2.153"})"}, {}, probe).errors.size() == 1);
}

TEST_CASE("a file of addresses and subnets") {
  const auto loaded = load_file(
      "# service addresses\n"
      "192.0.2.1\n"
      "\n"
      "  192.0.2.2/32\t# the second\r\n"
      "198.51.100.252/30\n"
      "2001:db8::1\n"
      "2001:db8::10/127\n"
      "203.0.113.0/24\n"
      "2001:db8:1::/120",
      R"(, "interface": "dummy0")");
  REQUIRE(loaded.errors == Words());
  const auto texts = loaded.texts();
  REQUIRE(texts.size() == 2 + 4 + 1 + 2 + 256 + 256);
  CHECK(texts[1] == "192.0.2.2/32 on dummy0");
  CHECK(texts[2] == "198.51.100.252/32 on dummy0");
  CHECK(texts[5] == "198.51.100.255/32 on dummy0");
  CHECK(texts[7] == "2001:db8::10/128 on dummy0");
  CHECK(texts[8] == "2001:db8::11/128 on dummy0");
  CHECK(texts[9] == "203.0.113.0/32 on dummy0");
  CHECK(texts[264] == "203.0.113.255/32 on dummy0");
  CHECK(texts.back() == "2001:db8:1::ff/128 on dummy0");
}

TEST_CASE("a file that is not expanded: one address a line, of the length that stands there") {
  const auto loaded = load_file("192.0.2.1/22\n2001:db8::1/64\n", R"(, "expand": false)");
  REQUIRE(loaded.errors == Words());
  CHECK(loaded.texts() == Words{"192.0.2.1/22 on lo", "2001:db8::1/64 on lo"});
}

TEST_CASE("wrong lines are told by file and line") {
  check_errors(
      load_file(
          "192.0.2.1\nwww.example.org\n192.0.2.0/23 # too many\n192.0.2.129/25\n2001:db8::/119\n127.0.0.1\n"
          "192.0.2.1\n192.0.2.2 192.0.2.3\n"),
      {R"(.addresses_from: /etc/vips:2: "www.example.org" is no prefix (try 192.0.2.1/32 or 2001:db8::1/128))",
       R"(.addresses_from: /etc/vips:3: "192.0.2.0/23" has more than 256 addresses (split it, or set "expand" to false))",
       R"(.addresses_from: /etc/vips:4: "192.0.2.129/25" has bits set beyond its length (try 192.0.2.128/25))",
       R"(.addresses_from: /etc/vips:5: "2001:db8::/119" has more than 256 addresses (split it, or set "expand" to false))",
       R"(.addresses_from: /etc/vips:6: "127.0.0.1" cannot be a service address)",
       R"(.addresses_from: /etc/vips:7: 192.0.2.1/32 overlaps 192.0.2.1/32 of service "a")",
       R"(.addresses_from: /etc/vips:8: "192.0.2.2 192.0.2.3" is no prefix (try 192.0.2.1/32 or 2001:db8::1/128))"});
  check_errors(load_file("# nothing\n"), {".addresses_from: /etc/vips has no address in it"});
  check_errors(load({R"({"addresses_from": "vips"})"}), {R"(.addresses_from: "vips" is no absolute path)"});
  check_errors(load({R"({"addresses_from": "/etc/\nvips"})"}),
               {R"(.addresses_from: "/etc/\x0avips" is no absolute path)"});
  check_errors(load({R"({"addresses_from": "/etc/vips"})"},
                    {{"/etc/vips", "/etc/vips: No such file or directory", SourceFile::Role::missing}}),
               {".addresses_from: /etc/vips: No such file or directory"});
  std::string many;
  for (int i = 0; i < 100; ++i) many += "x\n";
  const auto loaded = load_file(many);
  REQUIRE(loaded.errors.size() == 11);
  CHECK(loaded.errors.back().ends_with("/etc/vips: and 90 more lines are wrong"));
}

TEST_CASE("more than can be announced") {
  std::string many;
  for (int i = 0; i < 400; ++i)
    many += "10." + std::to_string(i / 200) + "." + std::to_string(i % 200) + ".0/24\n";
  const auto loaded = load_file(many);
  REQUIRE(loaded.errors.size() == 1);
  CHECK(loaded.errors.front().ends_with("more than 100000 are to be announced"));
}
