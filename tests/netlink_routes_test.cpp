// Routes and links, against the real kernel in a network namespace: fails without root.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "network_namespace.hpp"
#include "routing/netlink_message.hpp"
#include "routing/netlink_monitor.hpp"
#include "routing/netlink_table.hpp"
#include "routing/reconciler.hpp"
#include "standing.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

Advertisement route(const char* text, const char* device = "v0", const char* via = nullptr) {
  Advertisement out{Prefix::parse(text).value(), device, Advertisement::Kind::route};
  out.metric = default_metric(out.prefix.address.family());
  if (via != nullptr) out.via = IpAddress::parse(via).value();
  return out;
}

class Notes : public ReconcilerListener {
 public:
  void changed(const Advertisement&, AdvertisementState) override {}
  void repaired(const std::string& text) override { told.push_back(text); }
  void noticed(const std::string& text) override { told.push_back(text); }
  void failed(const std::string& text) override { told.push_back(text); }
  void settled() override {}
  Words told;
};

// No compare but for events, and for what failed.
ReconcilerTimes patient() {
  ReconcilerTimes times;
  times.interval = 1h;
  times.retry = 50ms;
  return times;
}

struct House {
  explicit House(bool adopt = false)
      : monitor(loop, table), reconciler(loop, table, monitor, notes, adopt, patient()) {}

  bool comes(const std::function<bool()>& condition, Duration patience = 5s) {
    const auto end = Clock::now() + patience;
    Timer tick(loop, [&] { loop.stop(); });
    while (!condition() && Clock::now() < end) {
      tick.start(5ms);
      loop.run();
    }
    return condition();
  }
  AdvertisementState state(std::size_t i = 0) const { return reconciler.states()[i]; }

  NetworkNamespace here;
  EventLoop loop;
  NetlinkTable table;
  NetlinkMonitor monitor;
  Notes notes;
  Reconciler reconciler;
};

void must(const char* words) {
  CAPTURE(words);
  std::vector<std::string> list;
  std::string word;
  for (const char c : std::string(words) + " ") {
    if (c != ' ') {
      word += c;
    } else if (!word.empty()) {
      list.push_back(std::exchange(word, {}));
    }
  }
  const auto ran = ip(list);
  CAPTURE(ran.output);
  REQUIRE(ran.status == 0);
}

// v0 is up and has 198.51.100.1/24 and 2001:db8:1::1/64.
void make_v0() {
  must("link add v0 type veth peer name v1");
  must("link set v0 up");
  must("link set v1 up");
  must("addr add 198.51.100.1/24 dev v0");
  must("addr add 2001:db8:1::1/64 dev v0 nodad");
}

// `ip route show` of one prefix in one table, with numbers for names.
std::string shown(const std::string& prefix, const std::string& table = "main") {
  const bool six = prefix.find(':') != std::string::npos;
  return ip({"-N", six ? "-6" : "-4", "route", "show", prefix, "table", table}).output;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void set_keep_addr(const char* interface, int value) {
  std::ofstream out(std::string("/proc/sys/net/ipv6/conf/") + interface + "/keep_addr_on_down");
  out << value << std::flush;
  REQUIRE(out);
}

}  // namespace

TEST_CASE("routes of both families: marked, with table, metric and gateway") {
  House house;
  make_v0();
  auto wide4 = route("192.0.2.0/24", "v0", "198.51.100.9");
  wide4.metric = 20;
  wide4.table = 1000;
  auto wide6 = route("2001:db8:2::/64", "", "2001:db8:1::9");
  wide6.metric = 30;
  wide6.table = 1000;
  house.reconciler.configure({route("192.0.2.153/32"), route("2001:db8::153/128"), wide4, wide6});
  REQUIRE(house.reconciler.want(standing({true, true, true, true})));
  CHECK(shown("192.0.2.153").starts_with("192.0.2.153 dev v0 proto 77 scope 253"));
  CHECK(shown("2001:db8::153").starts_with("2001:db8::153 dev v0 proto 77 metric 1024"));
  CHECK(shown("192.0.2.0/24", "1000").starts_with("192.0.2.0/24 via 198.51.100.9 dev v0 proto 77 metric 20"));
  CHECK(shown("2001:db8:2::/64", "1000")
            .starts_with("2001:db8:2::/64 via 2001:db8:1::9 dev v0 proto 77 metric 30"));

  // Seen as they were made: nothing is left to do.
  REQUIRE(house.reconciler.compare());
  CHECK(house.notes.told.empty());
  for (int i = 0; i < 4; ++i)
    CHECK(house.state(static_cast<std::size_t>(i)) == AdvertisementState::announced);

  REQUIRE(house.reconciler.want(standing({false, false, false, true})));
  CHECK(shown("192.0.2.153").empty());
  CHECK(shown("2001:db8::153").empty());
  CHECK(shown("192.0.2.0/24", "1000").empty());
  CHECK_FALSE(shown("2001:db8:2::/64", "1000").empty());
  house.reconciler.configure({});
  CHECK(shown("2001:db8:2::/64", "1000").empty());
}

TEST_CASE("the kernel filters dumps by protocol and table") {
  House house;
  make_v0();
  must("route add 192.0.2.1/32 dev v0 proto 77");
  must("route add 192.0.2.2/32 dev v0 proto 77 table 1000");
  must("route add 192.0.2.1/32 dev v0 metric 7");
  must("-6 route add 2001:db8::1/128 dev v0 proto 77");
  const auto texts = [&](const ReadScope& scope) {
    const auto snapshot = house.table.read(scope);
    REQUIRE(snapshot.ok());
    Words out;
    for (const auto& each : snapshot->routes) out.push_back(each.to_string());
    std::sort(out.begin(), out.end());
    return out;
  };
  CHECK(texts({}).empty());
  CHECK(texts({.routes = true}) == Words{"192.0.2.1/32 dev v0 proto 77",
                                         "192.0.2.2/32 dev v0 table 1000 proto 77",
                                         "2001:db8::1/128 dev v0 proto 77"});
  const auto key = route("192.0.2.1/32").prefix;
  CHECK(texts({.routes = true, .unmarked = {{key, kMainTable}, {key, 4711}}}).size() == 4);

  NetlinkSocket socket(1 << 20);
  std::vector<std::byte> request;
  append_dump_of_routes(request, {socket.port(), 1, 0}, {Family::ipv4, 0, kProtocolMark, 0});
  REQUIRE(socket.send(request) == 0);
  int messages = 0;
  REQUIRE(socket.receive([&](nlmsghdr& message) {
    if (parse_route(message)) ++messages;
    return true;
  }) == 0);
  CHECK(messages == 2);
}

TEST_CASE("a route that is removed or altered by hand is put right at once") {
  House house;
  make_v0();
  house.reconciler.configure({route("192.0.2.153/32"), route("2001:db8::153/128")});
  REQUIRE(house.reconciler.want(standing({true, true})));
  must("route del 192.0.2.153/32");
  must("-6 route del 2001:db8::153/128");
  CHECK(shown("192.0.2.153").empty());
  CHECK(house.comes([&] { return has(shown("192.0.2.153"), "proto 77"); }, 2s));
  CHECK(house.comes([&] { return has(shown("2001:db8::153"), "proto 77"); }, 2s));
  must("route replace 192.0.2.153/32 dev lo proto 77");
  CHECK(house.comes([&] { return has(shown("192.0.2.153"), "dev v0 proto 77"); }, 2s));
  CHECK(house.notes.told.size() >= 1);
}

TEST_CASE("our own changes of routes cause no compare") {
  House house;
  make_v0();
  house.reconciler.configure({route("192.0.2.153/32"), route("2001:db8::153/128")});
  REQUIRE(house.reconciler.want(standing({true, true})));
  int events = 0;
  NetlinkMonitor second(house.loop, house.table);
  second.watch_routes(true);
  second.start([&](const TableEvent& event) { events += event.kind == TableEvent::Kind::route ? 1 : 0; });
  REQUIRE(house.reconciler.want(standing({false, false})));
  must("route add 203.0.113.1/32 dev v0");  // behind ours in the queue
  CHECK(house.comes([&] { return events > 0; }));
  CHECK(events == 1);
}

TEST_CASE("a foreign route is left alone whatever is wanted; adopt takes it") {
  const auto occupy = [] {
    make_v0();
    must("route add 192.0.2.153/32 dev lo");
    must("-6 route add 2001:db8::153/128 dev lo metric 1024");
  };
  const std::vector<Advertisement> ours{route("192.0.2.153/32"), route("2001:db8::153/128")};
  {
    House house;
    occupy();
    house.reconciler.configure(ours);
    CHECK(house.reconciler.foreign() ==
          Words{"192.0.2.153/32 dev lo proto 3", "2001:db8::153/128 dev lo proto 3"});
    for (const bool announce : {true, false, true})
      CHECK(house.reconciler.want(standing({announce, announce})));
    CHECK(shown("192.0.2.153").starts_with("192.0.2.153 dev lo scope"));
    CHECK_FALSE(has(shown("192.0.2.153"), "proto 77"));
    must("route del 192.0.2.153/32");
    CHECK(house.comes([&] { return has(shown("192.0.2.153"), "proto 77"); }, 2s));
    CHECK(house.state(1) == AdvertisementState::foreign);
    house.reconciler.configure({});
    CHECK(shown("2001:db8::153").starts_with("2001:db8::153 dev lo metric"));
  }
  House house(true);
  occupy();
  house.reconciler.configure(ours);
  CHECK(house.reconciler.foreign().empty());
  CHECK(house.reconciler.find(ours) == std::vector<bool>{true, true});
  REQUIRE(house.reconciler.want(standing({false, false})));
  CHECK(shown("192.0.2.153").empty());
  CHECK(shown("2001:db8::153").empty());
  must("route add 192.0.2.153/32 dev lo");
  house.reconciler.want(standing({true, true}));  // that there is one again it has not heard yet
  CHECK(house.comes([&] { return shown("192.0.2.153").starts_with("192.0.2.153 dev v0 proto 77"); }));
}

TEST_CASE("a foreign route that comes while ours is withdrawn is not touched, and told") {
  House house;
  make_v0();
  house.reconciler.configure({route("192.0.2.153/32")});
  must("route add 192.0.2.153/32 dev lo");
  CHECK(house.comes([&] { return house.state() == AdvertisementState::foreign; }));
  REQUIRE(house.reconciler.want(standing({true})));
  CHECK(shown("192.0.2.153").starts_with("192.0.2.153 dev lo scope"));
}

TEST_CASE("routes of another instance stay") {
  House house;
  make_v0();
  must("route add 192.0.2.7/32 dev v0 proto 77");
  must("route add 192.0.2.153/32 dev v0 proto 77 table 1000");
  house.reconciler.configure({route("192.0.2.153/32")});
  REQUIRE(house.reconciler.want(standing({true})));
  REQUIRE(house.reconciler.want(standing({false})));
  house.reconciler.configure({});
  CHECK(has(shown("192.0.2.7"), "proto 77"));
  CHECK(has(shown("192.0.2.153", "1000"), "proto 77"));
}

TEST_CASE("a route's device goes down and up, vanishes and returns") {
  House house;
  house.reconciler.configure({route("192.0.2.153/32"), route("2001:db8::153/128")});
  REQUIRE(house.reconciler.want(standing({true, true})));
  CHECK(house.notes.told == Words{"interface v0 is missing: waiting for it"});
  const auto there = [&] {
    return has(shown("192.0.2.153"), "proto 77") && has(shown("2001:db8::153"), "proto 77") &&
           house.state(0) == AdvertisementState::announced && house.state(1) == AdvertisementState::announced;
  };
  const auto away = [&] {
    return house.state(0) == AdvertisementState::withdrawn && house.state(1) == AdvertisementState::withdrawn;
  };
  for (int round = 0; round < 2; ++round) {
    make_v0();
    CHECK(house.comes(there));
    must("link set v0 down");
    CHECK(house.comes(away));
    CHECK(shown("192.0.2.153").empty());
    must("link set v0 up");
    CHECK(house.comes(there));
    must("link del v0");
    CHECK(house.comes(away));
  }
  CHECK(house.reconciler.settled());
}

TEST_CASE("a gateway that cannot be reached yet is waited for") {
  House house;
  must("link add v0 type veth peer name v1");
  must("link set v0 up");
  house.reconciler.configure({route("192.0.2.0/24", "v0", "198.51.100.9")});
  CHECK_FALSE(house.reconciler.want(standing({true})));
  REQUIRE(house.notes.told.size() == 1);
  CHECK(house.notes.told[0].starts_with("cannot add 192.0.2.0/24 via 198.51.100.9 dev v0: "));
  must("addr add 198.51.100.1/24 dev v0");
  CHECK(house.comes([&] { return has(shown("192.0.2.0/24"), "proto 77"); }));
}

TEST_CASE("a link with a thousand addresses goes down and up in one message each") {
  House house;
  must("link add dummy0 type veth peer name dummy1");
  must("link set dummy0 up");
  set_keep_addr("dummy0", 1);
  Words lines;
  for (int i = 0; i < 500; ++i) {
    lines.push_back("addr add 192.0." + std::to_string(2 + i / 250) + "." + std::to_string(i % 250 + 1) +
                    "/32 dev dummy0");
    lines.push_back("addr add 2001:db8::" + std::to_string(i + 1) + "/128 dev dummy0 nodad");
  }
  REQUIRE(ip_batch(lines).status == 0);
  house.reconciler.configure({Advertisement::link("dummy0")});
  house.reconciler.want(standing({false}));
  const auto is_up = [] { return has(ip({"link", "show", "dummy0"}).output, ",UP"); };
  CHECK_FALSE(is_up());
  REQUIRE(house.reconciler.want(standing({true})));
  CHECK(is_up());
  for (const auto* text : {"192.0.2.1/32", "192.0.3.250/32", "2001:db8::1/128", "2001:db8::500/128"})
    CHECK_FALSE(address_lines(text).empty());
  REQUIRE(house.reconciler.want(standing({false})));
  CHECK_FALSE(is_up());
  CHECK(house.notes.told.empty());

  must("link set dummy0 up");  // by hand, while it is to be down
  CHECK(house.comes([&] { return !is_up(); }));
  REQUIRE(house.reconciler.want(standing({true})));
  must("link set dummy0 down");
  CHECK(house.comes([&] { return is_up(); }));
  must("link del dummy0");
  CHECK(house.comes([&] { return house.state() == AdvertisementState::withdrawn; }));
  must("link add dummy0 type veth peer name dummy1");
  CHECK(house.comes([&] { return is_up(); }));
}

TEST_CASE("a link that would lose its IPv6 addresses is told of") {
  House house;
  must("link add dummy0 type veth peer name dummy1");
  must("link set dummy0 up");
  must("addr add 2001:db8::1/128 dev dummy0 nodad");
  house.reconciler.configure({Advertisement::link("dummy0")});
  house.reconciler.want(standing({false}));
  CHECK(house.notes.told == Words{"link dummy0 loses its IPv6 addresses when it is set down: it needs "
                                  "net.ipv6.conf.dummy0.keep_addr_on_down=1"});
  CHECK(address_lines("2001:db8::1/128").empty());
  set_keep_addr("all", 1);
  house.reconciler.configure({});
  house.reconciler.configure({Advertisement::link("dummy0")});
  CHECK(house.notes.told.size() == 1);
}

TEST_CASE("what the host needs: lo, the way of the default route, and where OSPF is spoken") {
  House house;
  make_v0();
  must("link add dummy0 type veth peer name dummy1");
  const auto needed = [&](const char* name) {
    const auto snapshot = house.table.read({.links = {name}});
    REQUIRE(snapshot.ok());
    for (const auto& link : snapshot->links) {
      if (link.name == name) return link.needed;
    }
    return std::string("is not there");
  };
  CHECK(needed("lo").starts_with("it is the loopback interface"));
  CHECK(needed("v0").empty());
  for (const auto* way : {"route add default via 198.51.100.2", "-6 route add default via 2001:db8:1::2",
                          "route add default nexthop via 198.51.100.2 nexthop via 198.51.100.3"}) {
    must(way);
    CHECK(needed("v0") == "the default route goes through it");
    CHECK(needed("v1").empty());
    must((std::string(way[0] == '-' ? "-6 " : "") + "route del default").c_str());
    CHECK(needed("v0").empty());
  }
  must("route add 192.0.2.0/24 dev v0");
  must("route add default via 198.51.100.2 table 1000");
  CHECK(needed("v0").empty());

  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ip_mreqn join{};
  join.imr_multiaddr.s_addr = htonl(0xe0000005);
  join.imr_ifindex = static_cast<int>(if_nametoindex("v0"));
  REQUIRE(setsockopt(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) == 0);
  CHECK(needed("v0").starts_with("OSPF is spoken on it"));
  CHECK(needed("v1").empty());
  close(socket);
  CHECK(needed("v0").empty());
  const int socket6 = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ipv6_mreq join6{};
  REQUIRE(inet_pton(AF_INET6, "ff02::5", &join6.ipv6mr_multiaddr) == 1);
  join6.ipv6mr_interface = if_nametoindex("v1");
  REQUIRE(setsockopt(socket6, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &join6, sizeof join6) == 0);
  CHECK(needed("v1").starts_with("OSPF is spoken on it"));
  close(socket6);
}
