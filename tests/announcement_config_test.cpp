// What routing daemons are to be told; that they understand it, and that no more leaves, the lab shows.
#include <doctest/doctest.h>

#include <algorithm>

#include "loaded_config.hpp"
#include "routing/announcement_config.hpp"

using namespace anyprobe;

namespace {

Advertisement address(const char* prefix, const char* interface = "lo") {
  return {Prefix::parse(prefix).value(), interface};
}

Advertisement route(const char* prefix, std::uint32_t table = kMainTable) {
  Advertisement out{Prefix::parse(prefix).value(), "eth0", Advertisement::Kind::route};
  out.table = table;
  return out;
}

bool has(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t out = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++out;
  return out;
}

constexpr RoutingStyle kStyles[] = {RoutingStyle::frr, RoutingStyle::quagga, RoutingStyle::bird};

}  // namespace

TEST_CASE("frr-config: only what is needed") {
  const std::vector<Advertisement> one{address("192.0.2.1/32")};
  const auto text = announcement_config(one, RoutingStyle::frr);
  CHECK(has(text, "\nip prefix-list anyprobe-addresses permit 192.0.2.1/32\n"));
  CHECK(has(text, "\nrouter ospf\n redistribute connected route-map anyprobe-connected\nexit\n"));
  CHECK(count(text, "\nroute-map ") == 1);
  CHECK_FALSE(has(text, "\n redistribute kernel"));
  CHECK_FALSE(has(text, "\nipv6 "));
  CHECK_FALSE(has(text, "\nrouter ospf6"));
  // Prefixes are exact.
  CHECK_FALSE(has(text, " le "));
  CHECK_FALSE(has(text, " ge "));

  const std::vector<Advertisement> two{route("2001:db8:1::/64")};
  const auto kernel = announcement_config(two, RoutingStyle::frr);
  CHECK(has(kernel, "\nipv6 prefix-list anyprobe-routes6 permit 2001:db8:1::/64\n"));
  CHECK(has(kernel, "\nrouter ospf6\n redistribute kernel route-map anyprobe-kernel6\nexit\n"));
  CHECK_FALSE(has(kernel, "\nrouter ospf\n"));
  CHECK_FALSE(has(kernel, "\n redistribute connected"));
}

TEST_CASE("frr-config: nothing leaves where nothing is configured") {
  for (const auto style : kStyles) {
    const auto text = announcement_config({}, style);
    CHECK_FALSE(has(text, "\n redistribute"));
    CHECK_FALSE(has(text, " permit "));
    CHECK_FALSE(has(text, "protocol direct anyprobe"));
    CHECK_FALSE(has(text, "return true"));
  }
}

TEST_CASE("frr-config: an address on a subnet is announced as the subnet") {
  const std::vector<Advertisement> wanted{address("203.0.113.65/28", "eth9")};
  CHECK(has(announcement_config(wanted, RoutingStyle::frr), " permit 203.0.113.64/28\n"));
  const auto bird = announcement_config(wanted, RoutingStyle::bird);
  CHECK(has(bird, "\t203.0.113.64/28\n"));
  CHECK(has(bird, "interface \"eth9\";"));
}

TEST_CASE("frr-config: a link is matched by its interface, in both families") {
  const std::vector<Advertisement> wanted{Advertisement::link("dummy0"), address("192.0.2.1/32")};
  const auto text = announcement_config(wanted, RoutingStyle::frr);
  CHECK(has(text, "route-map anyprobe-connected permit 10\n match ip address prefix-list"));
  CHECK(has(text,
            "route-map anyprobe-connected permit 20\n match interface dummy0\n set metric-type type-1\n"));
  CHECK(has(text, "route-map anyprobe-connected6 permit 10\n match interface dummy0\n"));
  CHECK(has(announcement_config(wanted, RoutingStyle::bird), "if ifname = \"dummy0\" then return true;"));
}

TEST_CASE("frr-config: another table is not announced, and that is said") {
  const std::vector<Advertisement> wanted{route("192.0.2.9/32", 100), address("192.0.2.1/32")};
  CHECK(not_announced(wanted) == std::vector<Advertisement>{wanted[0]});
  for (const auto style : kStyles) {
    const auto text = announcement_config(wanted, style);
    CHECK(has(text, " Not announced: 192.0.2.9/32 dev eth0 table 100."));
    CHECK(count(text, "192.0.2.9") == 1);
  }
}

TEST_CASE("frr-config: the order of the configuration does not matter") {
  std::vector<Advertisement> wanted{address("192.0.2.2/32"),     route("192.0.2.153/32"),
                                    address("2001:db8::2/128"),  Advertisement::link("eth9"),
                                    address("192.0.2.1/32"),     route("192.0.2.4/32", 5),
                                    Advertisement::link("eth8"), route("192.0.2.3/32", 5)};
  for (const auto style : kStyles) {
    const auto before = announcement_config(wanted, style);
    std::reverse(wanted.begin(), wanted.end());
    CHECK(announcement_config(wanted, style) == before);
  }
}

TEST_CASE("frr-config: lists come before what they are for") {
  const std::vector<Advertisement> wanted{address("192.0.2.1/32"), route("2001:db8::/64")};
  const auto text = announcement_config(wanted, RoutingStyle::frr);
  CHECK(text.rfind("prefix-list anyprobe") < text.find("\nrouter ospf"));
  CHECK(text.rfind("\nroute-map ") < text.find("\nrouter ospf"));
}

TEST_CASE("frr-config: each daemon of Quagga has its own part") {
  const std::vector<Advertisement> wanted{address("192.0.2.1/32")};
  const auto text = announcement_config(wanted, RoutingStyle::quagga);
  const auto six = text.find("! ---- /etc/quagga/ospf6d.conf ----\n! Nothing is needed here.\n");
  REQUIRE(six != std::string::npos);
  CHECK(text.find("! ---- /etc/quagga/zebra.conf ----") < text.find("! ---- /etc/quagga/ospfd.conf ----"));
  CHECK(text.find("permit 192.0.2.1/32") < six);
}

TEST_CASE("frr-config: an interface is no way to say more to BIRD") {
  const std::vector<Advertisement> wanted{Advertisement::link("a\";reject;"), address("192.0.2.1/32", "x\"y"),
                                          address("192.0.2.2/32")};
  const auto text = announcement_config(wanted, RoutingStyle::bird);
  CHECK(count(text, "\n# Not announced") == 2);
  CHECK(has(text, "interface \"lo\";"));
  CHECK_FALSE(has(text, "ifname = "));
}
