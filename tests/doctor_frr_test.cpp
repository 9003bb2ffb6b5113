#include "routing/doctor_frr.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "doctor_findings.hpp"
#include "routing/frr_questions.hpp"

using namespace anyprobe;

namespace {

using Ids = std::vector<std::string>;

const std::string kOspf =
    "interface eth0\n ip ospf retransmit-interval 1\nexit\n"
    "router ospf\n"
    " timers lsa min-arrival 100\n"
    " redistribute kernel route-map anycast\n"
    " redistribute connected route-map anycast\n"
    " network 198.51.100.0/24 area 0.0.0.0\n"
    "exit\n"
    "ip prefix-list anycast seq 5 permit 192.0.2.1/32\n"
    "route-map anycast permit 10\n match ip address prefix-list anycast\nexit\n";

Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

LinkState in_order() {
  LinkState out;
  out.router_id = IpAddress::parse("198.51.100.2").value();
  out.floods_external = true;
  out.neighbours = {1, 0, 0};
  return out;
}

FrrFacts healthy(const std::string& configuration = kOspf) {
  FrrFacts out;
  out.patients = {patient()};
  out.four.there = true;
  out.four.config = parse_running_config(configuration);
  out.four.ports = {{"eth0", {1, false}}};
  out.four.state = in_order();
  return out;
}

Ids found(const FrrFacts& facts) {
  return ids_of(frr_checks(), facts);
}

// What is found and the one line that mends it.
std::string mend(const FrrFacts& facts, const char* id) {
  REQUIRE(found(facts) == Ids{id});
  const auto first = first_of(frr_checks(), facts);
  REQUIRE(first.ailment.mend.size() == 1);
  return first.ailment.mend.front();
}

std::string without(std::string text, const std::string& part) {
  const auto at = text.find(part);
  REQUIRE(at != std::string::npos);
  return text.erase(at, part.size());
}

// The first reply in a file of tests/fuzz/corpus/frr_answer.
std::string reply(const char* file) {
  std::ifstream in(std::string(ANYPROBE_TEST_FRR_ANSWERS) + "/" + file);
  std::ostringstream out;
  out << in.rdbuf();
  const auto octets = std::move(out).str().substr(1);
  return std::string(split_replies(octets).value().front().text);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

}  // namespace

TEST_CASE("doctor, FRR: nothing is found where all is in order") {
  CHECK(found(healthy()).empty());
  auto facts = healthy();
  facts.patients.clear();
  facts.four = {};
  CHECK(found(facts).empty());  // nothing is wanted of it
}

TEST_CASE("doctor, FRR: daemons that are not there, or do not tell") {
  auto facts = healthy();
  facts.four = {};
  CHECK(found(facts) == Ids{"frr-absent"});
  facts.other_daemon = true;
  CHECK(found(facts).empty());
  facts = healthy();
  facts.zebra_there = false;
  CHECK(found(facts) == Ids{"frr-absent"});
  facts = healthy();
  facts.has_group = false;
  CHECK(found(facts) == Ids{"vty-access"});
  facts = healthy();
  facts.four.wrong = "/run/frr/ospfd.vty: Permission denied";
  CHECK(found(facts) == Ids{"vty-access"});
  CHECK(found(healthy("router ospf vrf red\n redistribute connected\n")) == Ids{"no-ospf"});
}

TEST_CASE("doctor, FRR: redistribution") {
  const auto connected = without(kOspf, " redistribute connected route-map anycast\n");
  CHECK(mend(healthy(connected), "no-redistribution") ==
        "vtysh -c 'configure terminal' -c 'ip prefix-list anyprobe permit 192.0.2.1/32' "
        "-c 'route-map anyprobe permit 10' -c 'match ip address prefix-list anyprobe' "
        "-c 'set metric-type type-1' -c 'router ospf' -c 'redistribute connected route-map anyprobe'");
  // A route is another kind.
  auto facts = healthy(connected);
  facts.patients[0].advertise[0].kind = Advertisement::Kind::route;
  CHECK(found(facts).empty());
  facts = healthy(without(kOspf, " redistribute kernel route-map anycast\n"));
  CHECK(found(facts).empty());
  facts.patients[0].advertise[0].kind = Advertisement::Kind::route;
  CHECK(found(facts) == Ids{"no-redistribution"});
  facts = healthy();
  facts.patients[0].advertise[0].kind = Advertisement::Kind::route;
  facts.patients[0].advertise[0].table = 100;
  CHECK(mend(facts, "no-redistribution").ends_with("-c 'redistribute table 100 route-map anyprobe'"));
  // An address in an area is announced without it.
  CHECK(found(healthy(connected + "router ospf\n network 192.0.2.0/24 area 0.0.0.1\n")).empty());
  CHECK(found(healthy(connected + "interface lo\n ip ospf area 0.0.0.0\n")).empty());

  facts = healthy();
  facts.patients = {patient("2001:db8::1/128")};
  facts.six = facts.four;
  facts.four = {};
  facts.six.config = parse_running_config("router ospf6\n timers lsa min-arrival 100\n");
  CHECK(mend(facts, "no-redistribution").find("-c 'ipv6 prefix-list anyprobe6 permit 2001:db8::1/128'") !=
        std::string::npos);
}

TEST_CASE("doctor, FRR: filters") {
  const std::string begin = "vtysh -c 'configure terminal' -c ";
  auto facts = healthy();
  facts.vtysh = "vtysh -N near";
  facts.patients[0].advertise.push_back({prefix("192.0.2.2/32")});
  facts.patients[0].advertise.push_back({prefix("192.0.2.3/32")});
  CHECK(mend(facts, "filtered") ==
        "vtysh -N near -c 'configure terminal' "
        "-c 'ip prefix-list anycast permit 192.0.2.2/32' "
        "-c 'ip prefix-list anycast permit 192.0.2.3/32'");

  const auto denied = replaced(kOspf, "seq 5 permit 192.0.2.1/32", "seq 5 deny 192.0.2.0/24 le 32");
  CHECK(mend(healthy(denied), "filtered") == begin + "'ip prefix-list anycast seq 4 permit 192.0.2.1/32'");
  const auto behind = kOspf + "ip prefix-list anycast seq 3 deny any\n";
  CHECK(mend(healthy(behind), "filtered") == begin +
                                                 "'no ip prefix-list anycast seq 5 permit 192.0.2.1/32' "
                                                 "-c 'ip prefix-list anycast seq 2 permit 192.0.2.1/32'");
  // Where there is no room before it, the map gets an entry.
  const auto first = replaced(denied, "seq 5", "seq 1");
  CHECK(mend(healthy(first), "filtered") ==
        begin +
            "'ip prefix-list anyprobe permit 192.0.2.1/32' -c 'route-map anycast permit 20' "
            "-c 'match ip address prefix-list anyprobe'");

  const auto map = replaced(kOspf, "route-map anycast permit 10\n", "route-map anycast deny 10\n");
  CHECK(mend(healthy(map), "filtered").find("'route-map anycast permit 9'") != std::string::npos);
  const auto none =
      without(kOspf, "route-map anycast permit 10\n match ip address prefix-list anycast\nexit\n");
  CHECK(mend(healthy(none), "filtered").find("'route-map anycast permit 10'") != std::string::npos);

  const auto list = kOspf + "router ospf\n distribute-list out out connected\n";
  CHECK(found(healthy(list)).empty());  // of no such list
  CHECK(mend(healthy(list + "access-list out seq 5 deny any\n"), "filtered") ==
        begin + "'router ospf' -c 'no distribute-list out out connected'");

  const auto summary = kOspf + "router ospf\n summary-address 192.0.2.0/24";
  CHECK(mend(healthy(summary + " no-advertise\n"), "filtered") ==
        begin + "'router ospf' -c 'no summary-address 192.0.2.0/24'");
  CHECK(found(healthy(summary + "\n")) == Ids{"filtered"});
  CHECK(found(healthy(summary + " tag 7\n summary-address 192.0.2.1/32\n")).empty());
  CHECK(found(healthy(kOspf + "router ospf\n summary-address 203.0.113.0/24\n")).empty());

  const auto unknown = replaced(kOspf, "match ip address prefix-list anycast", "match tag 7");
  CHECK(found(healthy(unknown)) == Ids{"filter-unknown"});

  facts = healthy();
  facts.zebra = parse_running_config("ip protocol connected route-map z\nroute-map z deny 10\n");
  CHECK(mend(facts, "filtered").find("'route-map z permit 9'") != std::string::npos);
}

TEST_CASE("doctor, FRR: areas") {
  CHECK(mend(healthy(kOspf + "router ospf\n area 0 stub\n"), "stub-area") ==
        "vtysh -c 'configure terminal' -c 'router ospf' -c 'no area 0.0.0.0 stub' -c 'area 0.0.0.0 nssa'");
  auto facts = healthy(kOspf + "router ospf\n area 1 stub\n network 203.0.113.0/24 area 0.0.0.1\n");
  CHECK(found(facts) == Ids{"stub-area"});
  CHECK(first_of(frr_checks(), facts).gravity() == Gravity::remark);
  CHECK(found(healthy(kOspf + "router ospf\n area 0 nssa\n")) == Ids{"nssa"});
}

TEST_CASE("doctor, FRR: neighbours and the database") {
  auto facts = healthy();
  facts.four.state->neighbours = {0, 1, 0};
  CHECK(found(facts) == Ids{"no-neighbour"});
  facts = healthy();
  facts.present = {prefix("192.0.2.1/32")};
  CHECK(found(facts) == Ids{"not-announced"});
  facts.four.lsas = {{Lsa::Kind::external, prefix("192.0.2.1/32"), facts.four.state->router_id}};
  CHECK(found(facts).empty());
  facts.four.state.reset();
  facts.four.lsas.clear();
  CHECK(found(facts).empty());
}

TEST_CASE("doctor, FRR: timers and graceful restarts") {
  auto facts = healthy();
  facts.four.ports = {{"eth0", {5, false}}, {"eth1", {5, true}}};
  CHECK(mend(facts, "retransmit-interval") ==
        "vtysh -c 'configure terminal' -c 'interface eth0' -c 'ip ospf retransmit-interval 1'");
  CHECK(found(healthy(without(kOspf, " timers lsa min-arrival 100\n"))) == Ids{"lsa-min-arrival"});
  facts = healthy(replaced(kOspf, "min-arrival 100", "min-arrival 5000"));
  CHECK(first_of(frr_checks(), facts).gravity() == Gravity::warning);
  CHECK(found(healthy(kOspf + "router ospf\n graceful-restart grace-period 9\n")) == Ids{"graceful-restart"});
  CHECK(found(healthy(kOspf + "router ospf\n graceful-restart helper enable\n")) ==
        Ids{"graceful-restart-helper"});
}

TEST_CASE("doctor, FRR: how interfaces are set") {
  const auto four = read_ospf_ports(
      R"({"interfaces":{"eth0":{"state":"Point-To-Point","timerRetransmitSecs":5},"eth1":{"timerPassiveIface":true,
      "timerRetransmitSecs":5},"lo":{"state":"Loopback","timerRetransmitSecs":5},"eth2":{"ifUp":false}}})");
  REQUIRE(four);
  CHECK(four->size() == 3);
  CHECK(four->at("eth0").retransmit == 5);
  CHECK_FALSE(four->at("eth0").passive);
  CHECK(four->at("eth1").passive);
  CHECK(four->at("lo").passive);
  const auto six = read_ospf6_ports(
      R"({"eth0":{"attachedToArea":true,"timerIntervalsConfigRetransmit":3},"lo":{"status":"up"}})");
  REQUIRE(six);
  CHECK(six->size() == 1);
  CHECK(six->at("eth0").retransmit == 3);
  CHECK_FALSE(read_ospf_ports("% Unknown command"));
  CHECK_FALSE(read_ospf6_ports("[]"));
}

TEST_CASE("doctor, FRR: ways of the same cost") {
  const auto routers = reply("state_both");
  const auto externals = reply("prefix_both");
  const auto service = prefix("192.0.2.1/32");
  auto paths = find_equal_paths(routers, externals, service);
  REQUIRE(paths);
  CHECK(paths->empty());  // 10 and 20

  const auto even = replaced(routers, R"("tos0Metric": 20)", R"("tos0Metric": 10)");
  paths = find_equal_paths(even, externals, service);
  REQUIRE(paths);
  REQUIRE(paths->size() == 1);
  CHECK(paths->front().router.to_string() == "198.51.100.1");
  CHECK(paths->front().other.to_string() == "198.51.100.6");
  auto facts = healthy();
  facts.four.equal = *paths;
  CHECK(found(facts) == Ids{"equal-cost"});

  // Of type 2 the metric counts first, and the way only where that is the same.
  CHECK(find_equal_paths(routers, replaced(externals, "\"E1\"", "\"E2\""), service)->empty());
  CHECK(find_equal_paths(even, replaced(externals, "\"E1\"", "\"E2\""), service)->size() == 1);
  // A dead one does not count, nor another prefix, nor who is reached by one side of a link alone.
  CHECK(find_equal_paths(even, replaced(externals, R"("lsaAge": 3)", R"("lsaAge": 3600)"), service)->empty());
  CHECK(find_equal_paths(even, externals, prefix("192.0.2.0/31"))->empty());
  CHECK(find_equal_paths(
            replaced(even, R"("neighborRouterId": "198.51.100.6")", R"("neighborRouterId": "198.51.100.9")"),
            externals, service)
            ->empty());
  CHECK_FALSE(find_equal_paths("{}", externals, service));
  CHECK_FALSE(find_equal_paths(routers, "", service));
}
