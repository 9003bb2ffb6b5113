// What FRR and Quagga let out, read from their configuration.
#include <doctest/doctest.h>

#include "routing/frr_filters.hpp"

using namespace anyprobe;

namespace {

std::vector<std::string> told(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& one : read_frr_filters(text)) {
    out.push_back(one.prefix.to_string() + " " + one.by + (one.exact ? "" : " longer") +
                  (one.for_routes ? " routes"
                   : one.used     ? " used"
                                  : ""));
  }
  return out;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("filters: prefix-lists") {
  CHECK(told("ip prefix-list a seq 5 permit 192.0.2.1/32\n"
             "ipv6 prefix-list b permit 2001:db8::1/128\n"
             "ip prefix-list a seq 10 deny 192.0.2.2/32\n"
             "ip prefix-list a seq 15 permit 198.51.100.0/24 le 32\n"
             "ip prefix-list a seq 20 permit any\n"
             "ip prefix-list a description permit 192.0.2.9/32\n"
             "no ip prefix-list a seq 5 permit 192.0.2.3/32\n"
             "! ip prefix-list a seq 5 permit 192.0.2.4/32\n") ==
        Words{"192.0.2.1/32 prefix-list a", "2001:db8::1/128 prefix-list b",
              "198.51.100.0/24 prefix-list a longer", "192.0.2.9/32 prefix-list a"});
}

TEST_CASE("filters: access-lists, of FRR and of Quagga") {
  CHECK(told("access-list 1 permit 192.0.2.1\n"
             "access-list 2 permit 192.0.2.2 0.0.0.0\n"
             "access-list 3 permit 192.0.2.0 0.0.0.255\n"
             "access-list 4 permit host 192.0.2.4\n"
             "access-list e seq 5 permit 192.0.2.64/28 exact-match\n"
             "access-list e seq 10 permit 192.0.2.128/28\n"
             "ipv6 access-list f permit 2001:db8::6/128\n"
             "access-list 1 deny any\n") == Words{"192.0.2.1/32 access-list 1", "192.0.2.2/32 access-list 2",
                                                  "192.0.2.4/32 access-list 4", "192.0.2.64/28 access-list e",
                                                  "192.0.2.128/28 access-list e longer",
                                                  "2001:db8::6/128 access-list f"});
}

TEST_CASE("filters: what is redistributed by a route-map") {
  const char* lists =
      "router ospf\n redistribute connected route-map m\n redistribute kernel route-map k\nexit\n"
      "ip prefix-list a permit 192.0.2.1/32\n"
      "ip prefix-list b permit 192.0.2.2/32\n"
      "ip prefix-list c permit 192.0.2.3/32\n"
      "ip prefix-list d permit 192.0.2.3/32\n"
      "route-map m permit 10\n match ip address prefix-list a\n"
      "route-map k permit 10\n match ip address prefix-list c\n"
      "route-map other permit 10\n match ip address prefix-list b\n";
  CHECK(told(lists) == Words{"192.0.2.1/32 prefix-list a used", "192.0.2.2/32 prefix-list b",
                             "192.0.2.3/32 prefix-list c routes"});
  // By both: an address it may be as well.
  CHECK(told(std::string(lists) + "route-map m permit 20\n match ip address prefix-list c\n").back() ==
        "192.0.2.3/32 prefix-list c used");
  CHECK(told("access-list 7 permit 192.0.2.1\nroute-map m permit 10\n match ip address 7\nrouter ospf\n "
             "redistribute "
             "connected metric 5 route-map m\n") == Words{"192.0.2.1/32 access-list 7 used"});
}

TEST_CASE("filters: network of ospf, the shape of old") {
  CHECK(told("router ospf\n network 192.0.2.1/32 area 0.0.0.1\n network 198.51.100.9/24 area 0\n"
             "router bgp 65000\n network 203.0.113.0/24\n network 192.0.2.7/32 area 0\n") ==
        Words{"192.0.2.1/32 network used", "198.51.100.0/24 network used"});
}

TEST_CASE("filters: what is no configuration is passed over") {
  CHECK(told("").empty());
  CHECK(told("\n \n\t\r\nip\nip prefix-list\nip prefix-list a permit\naccess-list\nroute-map\nmatch\nrouter\n"
             "redistribute\nredistribute connected route-map\nnetwork\nip prefix-list a permit x/y\n"
             "access-list 1 permit host\naccess-list a permit 192.0.2.1 0.0.0.1\n")
            .empty());
  CHECK(told("ip prefix-list a permit 192.0.2.1/32") == Words{"192.0.2.1/32 prefix-list a"});
}
