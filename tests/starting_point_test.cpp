// A configuration to start from: whatever is found, the reader takes it.
#include <doctest/doctest.h>

#include "core/listeners.hpp"
#include "core/starting_point.hpp"
#include "loaded_config.hpp"

using namespace anyprobe;

namespace {

ListeningSocket listener(Protocol protocol, const char* at, const char* process = "") {
  return {protocol, SocketAddress::parse(at, 1).value(), process};
}

FilteredPrefix filtered(const char* prefix, bool used = true, bool exact = true,
                        const char* by = "prefix-list a") {
  return {Prefix::parse(prefix).value(), by, exact, used};
}

struct Started : LoadedConfig {
  std::string text;

  [[nodiscard]] bool says(const std::string& what) const { return text.find(what) != std::string::npos; }
  // "dns 192.0.2.1/32 192.0.2.2/32" a service.
  [[nodiscard]] std::vector<std::string> services() const {
    std::vector<std::string> out;
    for (const auto& service : config.services) {
      out.push_back(service.name);
      for (const auto& one : service.advertise) out.back() += " " + one.prefix.to_string();
    }
    return out;
  }
};

Started started(const StartingFacts& facts) {
  const PluginTable plugins(builtin_probes(), absent_probes());
  Started out;
  out.text = starting_configuration(facts, plugins);
  static_cast<LoadedConfig&>(out) = loaded_from({{"init", out.text, SourceFile::Role::configuration}});
  CHECK_MESSAGE(out.errors.empty(), out.text << "\n" << (out.errors.empty() ? "" : out.errors.front()));
  return out;
}

// With what is a comment made to count.
std::string uncommented(std::string text) {
  const auto begin = text.find("\"services\": [");
  for (auto at = text.find("    // ", begin); at != std::string::npos; at = text.find("    // ", at + 1)) {
    const auto next = text.find_first_not_of(' ', at + 7);
    const auto rest = text.substr(next, 3);
    const bool prose = rest.find_first_of("{\",") != 0 && rest != "// ";
    if (!prose) text.replace(at, 7, "       ");
  }
  return text;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("init: a host with nothing") {
  const auto out = started({});
  CHECK(out.services().empty());
  CHECK(out.says("No service that is known to this program listens here. An example:"));
  CHECK(out.says("No prefix was found that FRR lets out"));
  CHECK(out.says("192.0.2.1/32"));
  // The example is good as well.
  const auto better = loaded_from({{"init", uncommented(out.text), SourceFile::Role::configuration}});
  CHECK(better.errors.empty());
  CHECK(better.config.services.size() == 1);
}

TEST_CASE("init: a resolver, and addresses that FRR lets out") {
  const auto out = started({.listeners = {listener(Protocol::udp, "0.0.0.0:53", "unbound"),
                                          listener(Protocol::tcp, "0.0.0.0:53", "unbound"),
                                          listener(Protocol::tcp, "0.0.0.0:22", "sshd")},
                            .filtered = {filtered("192.0.2.9/32", false), filtered("192.0.2.2/32"),
                                         filtered("198.51.100.0/24", true, false),
                                         filtered("2001:db8::1/128"), filtered("203.0.113.0/28")},
                            .on_lo = {Prefix::parse("192.0.2.200/32").value()},
                            .notes = {"Not read: /etc/frr/x.conf"}});
  CHECK(out.services() == Words{"dns 192.0.2.2/32 2001:db8::1/128 192.0.2.9/32"});
  CHECK(out.says("unbound listens on udp 0.0.0.0:53, tcp 0.0.0.0:53"));
  CHECK(out.says("198.51.100.0/24 and longer, by prefix-list a"));
  CHECK(out.says("192.0.2.9/32, by prefix-list a, which nothing is redistributed by"));
  CHECK(out.says("//   192.0.2.200/32\n"));
  CHECK(out.says("// Not read: /etc/frr/x.conf\n"));
  CHECK_FALSE(out.says("sshd"));
}

TEST_CASE("init: each known service, with addresses and without") {
  StartingFacts facts;
  for (const char* at : {"0.0.0.0:53", "0.0.0.0:123", "[::]:1812", "0.0.0.0:514", "[::]:5060"})
    facts.listeners.push_back(listener(Protocol::udp, at));
  for (const char* at : {"0.0.0.0:80", "[::]:443", "0.0.0.0:1080", "0.0.0.0:3128", "0.0.0.0:601"})
    facts.listeners.push_back(listener(Protocol::tcp, at));
  const auto none = started(facts);
  CHECK(none.services().empty());
  for (const char* name : {"dns", "ntp", "radius", "syslog", "sip", "http", "https", "socks", "http-proxy"})
    CHECK_MESSAGE(none.says(std::string("{ \"name\": \"") + name + "\""), name);
  CHECK(none.says("radius-probe(8)"));

  // One at a time, as that which takes the address.
  for (const auto& one : facts.listeners) {
    const auto out = started({.listeners = {one}, .filtered = {filtered("192.0.2.1/32")}});
    const bool wants = one.at.port == 1812 || one.at.port == 514 || one.at.port == 601;
    CHECK_MESSAGE(out.config.services.size() == (wants ? 0U : 1U), one.at.to_string());
  }
}

TEST_CASE("init: who listens on an address is who announces it, and is asked through lo") {
  for (const char* port : {"53", "123", "80", "443", "1080", "3128", "5060"}) {
    const std::string own = "192.0.2.7:" + std::string(port);
    for (const auto protocol : {Protocol::tcp, Protocol::udp}) {
      const auto out =
          started({.listeners = {listener(Protocol::udp, "0.0.0.0:53"), listener(protocol, own.c_str())},
                   .filtered = {filtered("192.0.2.7/32")}});
      const bool takes = out.says("\"server\": \"192.0.2.7");
      if (takes) CHECK(out.says(R"("bind_device": "lo")"));
      CHECK(out.config.services.size() == 1);
    }
  }
}

TEST_CASE("init: what listens for this host alone is announced by nobody") {
  const auto out = started({.listeners = {listener(Protocol::udp, "127.0.0.53:53", "systemd-resolve")},
                            .filtered = {filtered("192.0.2.1/32")}});
  CHECK(out.services().empty());
  CHECK(out.says("That is for this host alone."));
}

TEST_CASE("init: what cannot be the address of a service") {
  const auto out =
      started({.listeners = {listener(Protocol::udp, "0.0.0.0:53")},
               .filtered = {filtered("127.0.0.1/32"), filtered("::1/128"), filtered("0.0.0.0/32"),
                            filtered("224.0.0.5/32"), filtered("255.255.255.255/32"), filtered("ff02::5/128"),
                            filtered("::/128"), filtered("fe80::1/128"), filtered("0.0.0.0/0"),
                            filtered("192.0.2.1/32"), filtered("192.0.2.1/32")}});
  CHECK(out.services() == Words{"dns 192.0.2.1/32"});
  auto route = filtered("192.0.2.153/32");
  route.for_routes = true;
  const auto behind = started({.listeners = {listener(Protocol::udp, "0.0.0.0:53")}, .filtered = {route}});
  CHECK(behind.services().empty());
  CHECK(behind.says("192.0.2.153/32, by prefix-list a, for routes of the kernel"));
}

TEST_CASE("init: names from elsewhere stay in their comment") {
  const auto out =
      started({.listeners = {listener(Protocol::udp, "0.0.0.0:53", "a\n} { \"x\": \xff\x1b[31m")},
               .filtered = {filtered("192.0.2.1/32", true, true, "prefix-list \xc3\n\"services\": 5")},
               .notes = {"one\ntwo", "\xfe"}});
  CHECK(out.services() == Words{"dns 192.0.2.1/32"});
}

TEST_CASE("init: very much") {
  StartingFacts facts;
  facts.listeners.push_back(listener(Protocol::udp, "0.0.0.0:53"));
  for (int i = 1; i < 250; ++i) {
    facts.filtered.push_back(filtered(("203.0.113." + std::to_string(i) + "/32").c_str()));
    facts.listeners.push_back(listener(Protocol::udp, ("198.51.100." + std::to_string(i) + ":53").c_str()));
  }
  const auto out = started(facts);
  CHECK(out.config.services.front().advertise.size() == 20);
  CHECK(out.says("and 229 more"));
  CHECK(out.text.size() < 6000);
}

TEST_CASE("init: where a service is found, its probe says, also where another stands in for it") {
  static constexpr UsualPlace kPlaces[] = {{.port = 4242,
                                            .name = "toast",
                                            .udp = true,
                                            .tcp = true,
                                            .whom = "toaster",
                                            .with_port = true,
                                            .options = R"(, "slices": 2)",
                                            .tcp_options = R"(, "slow": true)",
                                            .edit = "how brown"},
                                           {.port = 4243, .name = "jam", .tcp = true, .wants = "a spoon"}};
  static constexpr UsualPlace kStandIn[] = {
      {.port = 4244, .name = "tea", .tcp = true, .whom = "host", .options = R"(, "ports": 4244)"}};
  static const ProbePlugin kToast{.type = "toast", .options = {}, .found_at = kPlaces};
  static constexpr AbsentProbe kTea[] = {{"tea", nullptr, "a kettle", "tcp", kStandIn}};
  static constexpr const ProbePlugin* kAll[] = {&kToast};
  const PluginTable plugins(kAll, kTea);
  const auto text = [&](const char* port, Protocol protocol) {
    return starting_configuration(
        {.listeners = {listener(protocol, port)}, .filtered = {filtered("192.0.2.1/32")}}, plugins);
  };
  const auto has = [](const std::string& in, const std::string& what) {
    return in.find(what) != std::string::npos;
  };
  const auto slow = text("0.0.0.0:4242", Protocol::tcp);
  CHECK(has(slow, "// EDIT: how brown.\n"));
  CHECK(
      has(slow, R"("probe": { "type": "toast", "toaster": "127.0.0.1:4242", "slices": 2, "slow": true },)"));
  CHECK(has(text("0.0.0.0:4242", Protocol::udp), R"("toaster": "127.0.0.1:4242", "slices": 2 },)"));
  CHECK(has(text("0.0.0.0:4243", Protocol::tcp), "It wants a spoon.\n    // "));
  CHECK(has(text("0.0.0.0:4243", Protocol::udp), "No service that is known to this program listens here."));
  const auto tea = text("0.0.0.0:4244", Protocol::tcp);
  CHECK(has(tea, "// This build has no \"tea\" probe.\n"));
  CHECK(has(tea, R"("probe": { "type": "tcp", "host": "127.0.0.1", "ports": 4244 },)"));
}

TEST_CASE("init: /proc/net is read") {
  const auto tcp = parse_proc_net(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0\n"
      "   1: 0100007F:0036 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0\n"
      "   2: 0100007F:0037 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4244 1 0\n"
      "   3: nonsense\n",
      Protocol::tcp);
  REQUIRE(tcp.size() == 1);
  CHECK(tcp[0].listener == listener(Protocol::tcp, "127.0.0.1:53"));
  CHECK(tcp[0].inode == "4242");
  const auto udp = parse_proc_net(
      "   0: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 07 "
      "00000000:00000000 "
      "00:00000000 00000000     0        0 7 2 0\n",
      Protocol::udp);
  REQUIRE(udp.size() == 1);
  CHECK(udp[0].listener == listener(Protocol::udp, "[2001:db8::1]:53"));
}
