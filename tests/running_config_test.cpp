#include "routing/running_config.hpp"

#include <doctest/doctest.h>

#include "routing/route_filter.hpp"

using namespace anyprobe;
using Is = FilterVerdict::Is;

namespace {

Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

// As FRR 8.4.4 shows it.
constexpr const char* kNode =
    "frr version 8.4.4\n"
    "frr defaults traditional\n"
    "!\n"
    "interface eth0\n"
    " ip ospf network point-to-point\n"
    " ip ospf retransmit-interval 1\n"
    "exit\n"
    "!\n"
    "interface eth1\n"
    " ip ospf area 0.0.0.1\n"
    " ip ospf passive\n"
    "exit\n"
    "!\n"
    "router ospf\n"
    " ospf router-id 198.51.100.2\n"
    " timers lsa min-arrival 100\n"
    " redistribute kernel route-map anycast\n"
    " redistribute connected\n"
    " redistribute table 100 route-map anycast\n"
    " graceful-restart grace-period 15\n"
    " graceful-restart helper enable\n"
    " area 1 nssa\n"
    " area 0.0.0.2 stub no-summary\n"
    " network 198.51.100.0/24 area 0.0.0.0\n"
    " distribute-list out-list out connected\n"
    "\n"
    "exit\n"
    "!\n"
    "router ospf vrf red\n"
    " redistribute static\n"
    "exit\n"
    "!\n"
    "access-list out-list seq 5 permit 192.0.2.0/24\n"
    "access-list out-list seq 10 deny any\n"
    "access-list 10 seq 5 permit 203.0.113.0 0.0.0.255\n"
    "access-list 11 seq 5 permit host 203.0.113.1\n"
    "ipv6 access-list six seq 5 permit 2001:db8::/32 exact-match\n"
    "ip prefix-list anycast seq 10 permit 192.0.2.2/32\n"
    "ip prefix-list anycast seq 5 deny 192.0.2.1/32\n"
    "ip prefix-list anycast seq 15 permit 203.0.113.0/24 ge 25 le 32\n"
    "ip prefix-list anycast seq 20 permit 198.51.100.0/24 le 28\n"
    "ipv6 prefix-list anycast6 seq 5 permit 2001:db8::1/128\n"
    "!\n"
    "route-map anycast permit 20\n"
    " match ip address prefix-list anycast\n"
    " set metric-type type-1\n"
    "exit\n"
    "!\n"
    "route-map anycast deny 10\n"
    " match interface eth9\n"
    "exit\n"
    "!\n"
    "ip protocol kernel route-map anycast\n"
    "!\n";

RunningConfig with_map(const std::string& more) {
  return parse_running_config("ip prefix-list one seq 5 permit 192.0.2.1/32\n" + more);
}

Is judged(const RunningConfig& config, const char* text = "192.0.2.1/32", const char* interface = "lo") {
  return judge_route_map(config, "m", {prefix(text), interface}).is;
}

}  // namespace

TEST_CASE("running configuration: what decides an announcement") {
  const auto config = parse_running_config(kNode);
  CHECK(config.runs);
  CHECK(config.vrfs == std::set<std::string>{"red"});
  REQUIRE(config.redistributes.size() == 3);
  CHECK(config.redistributes[0].source == "kernel");
  CHECK(config.redistributes[0].route_map == "anycast");
  CHECK(config.redistributes[1].route_map.empty());
  CHECK(config.redistributes[2].source == "table 100");
  CHECK(config.distribute_lists.at("connected") == "out-list");
  CHECK(config.areas.at("0.0.0.1").nssa);
  CHECK(config.areas.at("0.0.0.2").stub);
  CHECK(config.networks.at(prefix("198.51.100.0/24")) == "0.0.0.0");
  CHECK(config.interfaces.at("eth1").area == "0.0.0.1");
  CHECK(config.interfaces.at("eth1").passive);
  CHECK(config.min_arrival_ms == 100);
  CHECK(config.graceful);
  CHECK(config.helps);
  CHECK(config.protocol_filters.at({Family::ipv4, "kernel"}) == "anycast");
  CHECK(config.route_maps.at("anycast").front().order == 10);

  const auto other = parse_running_config("router ospf6\n graceful-restart helper planned-only\nexit\n");
  CHECK(other.runs);
  CHECK_FALSE(other.graceful);
  CHECK_FALSE(other.helps);
  CHECK(other.min_arrival_ms == 1000);
  CHECK_FALSE(parse_running_config("router ospf vrf red\n redistribute connected\n").runs);
  CHECK(parse_running_config("router ospf vrf red\n redistribute connected\n").redistributes.empty());
}

TEST_CASE("route filter: prefix lists") {
  const auto config = parse_running_config(kNode);
  const auto is = [&](const char* text) { return judge_prefix_list(config, "anycast", prefix(text)); };
  CHECK(is("192.0.2.2/32").is == Is::passes);
  CHECK(is("192.0.2.1/32").is == Is::drops);
  CHECK(is("192.0.2.1/32").sequence == 5);
  CHECK(is("192.0.2.3/32").sequence == 0);
  CHECK(is("203.0.113.0/24").is == Is::drops);  // ge
  CHECK(is("203.0.113.0/25").is == Is::passes);
  CHECK(is("203.0.113.9/32").is == Is::passes);
  CHECK(is("198.51.100.0/24").is == Is::passes);
  CHECK(is("198.51.100.16/28").is == Is::passes);
  CHECK(is("198.51.100.1/32").is == Is::drops);  // le
  CHECK(is("198.51.0.0/16").is == Is::drops);    // wider than the line
  CHECK(judge_prefix_list(config, "anycast6", prefix("2001:db8::1/128")).is == Is::passes);
  CHECK(judge_prefix_list(config, "none", prefix("192.0.2.1/32")).is == Is::drops);
}

TEST_CASE("route filter: access lists") {
  const auto config = parse_running_config(kNode);
  CHECK(access_list_permits(config, "out-list", prefix("192.0.2.9/32")));
  CHECK_FALSE(access_list_permits(config, "out-list", prefix("203.0.113.9/32")));
  CHECK(access_list_permits(config, "10", prefix("203.0.113.9/32")));
  CHECK_FALSE(access_list_permits(config, "10", prefix("203.0.112.9/32")));
  CHECK(access_list_permits(config, "11", prefix("203.0.113.1/32")));
  CHECK_FALSE(access_list_permits(config, "11", prefix("203.0.113.2/32")));
  CHECK(access_list_permits(config, "six", prefix("2001:db8::/32")));
  CHECK_FALSE(access_list_permits(config, "six", prefix("2001:db8::1/128")));
}

TEST_CASE("route filter: route maps") {
  CHECK(judged(with_map("route-map m permit 10\n match ip address prefix-list one\nexit\n")) == Is::passes);
  const auto one = with_map("route-map m permit 10\n match ip address prefix-list one\n");
  const auto verdict = judge_route_map(one, "m", {prefix("192.0.2.2/32"), "lo"});
  CHECK(verdict.is == Is::drops);
  CHECK(verdict.prefix_list == "one");
  CHECK(verdict.why == "route-map m: no entry permits it, prefix-list one does not name it");

  CHECK(judged(with_map("")) == Is::drops);  // there is no such map
  CHECK(judged(with_map("route-map m permit 10\n")) == Is::passes);
  const auto denied = with_map("route-map m permit 20\nexit\nroute-map m deny 10\n match interface lo\n");
  CHECK(judge_route_map(denied, "m", {prefix("192.0.2.1/32"), "lo"}).order == 10);
  CHECK(judged(denied) == Is::drops);
  CHECK(judged(denied, "192.0.2.1/32", "eth0") == Is::passes);
  // All of them, and none of the other family.
  const auto both =
      with_map("route-map m permit 10\n match ip address prefix-list one\n match interface eth0\n");
  CHECK(judged(both) == Is::drops);
  CHECK(judge_route_map(both, "m", {prefix("192.0.2.1/32"), "lo"}).prefix_list.empty());
  CHECK(judged(both, "192.0.2.1/32", "eth0") == Is::passes);
  CHECK(judged(with_map("route-map m permit 10\n match ipv6 address prefix-list one\n")) == Is::drops);
  CHECK(judged(with_map("route-map m permit 10\n match ip address prefix-len 32\n")) == Is::passes);
  CHECK(judged(with_map(
            "access-list a seq 5 permit 192.0.2.0/24\nroute-map m permit 10\n match ip address a\n")) ==
        Is::passes);

  CHECK(judged(with_map("route-map m permit 10\n match tag 5\n")) == Is::unknown);
  CHECK(judged(with_map("route-map m permit 10\n on-match next\n")) == Is::unknown);
  CHECK(judged(with_map("route-map m permit 10\n call n\nexit\nroute-map n deny 10\n")) == Is::drops);
  CHECK(judged(with_map("route-map m permit 10\n call n\nexit\nroute-map n permit 10\n")) == Is::passes);
  CHECK(judged(with_map("route-map m permit 10\n call m\n")) == Is::unknown);
}
