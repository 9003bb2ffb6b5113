// Reconciler, table and monitor together, against the real kernel in a network namespace: fails without root.
#include <doctest/doctest.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <algorithm>
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

Advertisement on(const char* interface, const std::string& text) {
  return {Prefix::parse(text).value(), interface};
}

class CountingTable : public NetlinkTable {
 public:
  Outcome<Snapshot> read(const ReadScope& scope) override {
    ++reads;
    return NetlinkTable::read(scope);
  }
  Outcome<Snapshot> read() { return NetlinkTable::read(); }
  int reads = 0;
};

class Notes : public ReconcilerListener {
 public:
  void changed(const Advertisement&, AdvertisementState) override {}
  void repaired(const std::string& text) override { told.push_back(text); }
  void noticed(const std::string& text) override { told.push_back(text); }
  void failed(const std::string& text) override { told.push_back(text); }
  void settled() override {}
  Words told;
};

// No compare but for events: what passes here passes by the monitor.
ReconcilerTimes patient() {
  ReconcilerTimes times;
  times.interval = 1h;
  return times;
}

// Passes everything on, and counts.
class CountingMonitor : public RouteMonitor {
 public:
  CountingMonitor(EventLoop& loop, const NetlinkTable& table, int buffer) : monitor_(loop, table, buffer) {}

  void start(std::function<void(const TableEvent&)> on_event) override {
    monitor_.start([this, on_event = std::move(on_event)](const TableEvent& event) {
      if (event.prefix == Prefix::parse(kStranger).value()) ++strangers;
      if (event.prefix == Prefix::parse("192.0.2.1/32").value()) ++service;
      if (event.kind == TableEvent::Kind::link) ++links;
      if (event.kind == TableEvent::Kind::lost) ++losses;
      on_event(event);
    });
  }

  void watch_routes(bool wanted) override { monitor_.watch_routes(wanted); }

  static constexpr const char* kStranger = "203.0.113.250/32";
  int strangers = 0;
  int service = 0;  // of 192.0.2.1
  int links = 0;
  int losses = 0;

 private:
  NetlinkMonitor monitor_;
};

struct House {
  explicit House(bool adopt = false, int buffer = 1 << 20)
      : monitor(loop, table, buffer), reconciler(loop, table, monitor, notes, adopt, patient()) {}

  // Runs the loop until it holds or the time is over.
  bool comes(const std::function<bool()>& condition, Duration patience = 5s) {
    const auto end = Clock::now() + patience;
    Timer tick(loop, [&] { loop.stop(); });
    while (!condition() && Clock::now() < end) {
      tick.start(5ms);
      loop.run();
    }
    return condition();
  }

  // Afterwards all that the kernel had to say so far has been read.
  void hear_everything() {
    const int before = monitor.strangers;
    REQUIRE(ip({"addr", "add", CountingMonitor::kStranger, "dev", "lo"}).status == 0);
    REQUIRE(comes([&] { return monitor.strangers > before; }));
    REQUIRE(ip({"addr", "del", CountingMonitor::kStranger, "dev", "lo"}).status == 0);
    REQUIRE(comes([&] { return monitor.strangers > before + 1; }));
  }

  NetworkNamespace here;
  EventLoop loop;
  CountingTable table;
  CountingMonitor monitor;
  Notes notes;
  Reconciler reconciler;
};

bool is_there(const char* prefix) {
  return !address_lines(prefix).empty();
}

}  // namespace

TEST_CASE("what is removed by hand is back at once, in both families") {
  House house;
  house.reconciler.configure({on("lo", "192.0.2.1"), on("lo", "2001:db8::1")});
  REQUIRE(house.reconciler.want(standing({true, true})));
  for (const auto* text : {"192.0.2.1/32", "2001:db8::1/128"}) {
    REQUIRE(is_there(text));
    REQUIRE(ip({"addr", "del", text, "dev", "lo"}).status == 0);
    REQUIRE_FALSE(is_there(text));
    CHECK(house.comes([&] { return is_there(text); }, 1s));
  }
  REQUIRE(house.notes.told.size() == 2);
  CHECK(house.notes.told[0] == "somebody removed or altered 192.0.2.1/32 on lo: put right");
  CHECK(house.reconciler.states()[0] == AdvertisementState::announced);
}

TEST_CASE("what is altered by hand is put right") {
  House house;
  house.reconciler.configure({on("lo", "192.0.2.1")});
  REQUIRE(house.reconciler.want(standing({true})));
  REQUIRE(
      ip({"addr", "replace", "192.0.2.1/32", "dev", "lo", "valid_lft", "60", "preferred_lft", "60"}).status ==
      0);
  CHECK(house.comes(
      [&] { return address_lines("192.0.2.1/32").find("valid_lft forever") != std::string::npos; }));
}

TEST_CASE("withdrawn when want() returns") {
  House house;
  house.reconciler.configure({on("lo", "192.0.2.1"), on("lo", "2001:db8::1")});
  REQUIRE(house.reconciler.want(standing({true, true})));
  REQUIRE(house.reconciler.want(standing({false, false})));
  CHECK_FALSE(is_there("192.0.2.1/32"));
  CHECK_FALSE(is_there("2001:db8::1/128"));
}

TEST_CASE("our own changes cause no compare") {
  House house;
  house.reconciler.configure({on("lo", "192.0.2.1"), on("lo", "2001:db8::1")});
  int reads = house.table.reads;
  for (const bool announce : {true, false, true}) {
    REQUIRE(house.reconciler.want(standing({announce, announce})));
    ++reads;
    house.hear_everything();
  }
  CHECK(house.monitor.service == 0);
  // The kernel may still have something to say of lo, which has only just come up.
  CHECK(house.table.reads <= reads + house.monitor.links);
  CHECK(house.monitor.links <= 1);
}

TEST_CASE("our own changes take no room among the events") {
  House house(false, 8 << 10);
  std::vector<Advertisement> many;
  for (int i = 1; i <= 200; ++i) many.push_back(on("lo", "192.0.2." + std::to_string(i)));
  house.reconciler.configure(many);
  REQUIRE(house.reconciler.want(standing(std::vector<bool>(many.size(), true))));
  house.hear_everything();
  CHECK(house.monitor.losses == 0);
  CHECK(house.monitor.service == 0);
}

TEST_CASE("a foreign address is left alone whatever is wanted") {
  House house;
  REQUIRE(ip({"addr", "add", "192.0.2.1/24", "dev", "lo"}).status == 0);
  REQUIRE(ip({"addr", "add", "2001:db8::1/128", "dev", "lo"}).status == 0);
  const auto before = address_lines("192.0.2.1/24") + address_lines("2001:db8::1/128");
  house.reconciler.configure({on("lo", "192.0.2.1"), on("lo", "2001:db8::1")});
  CHECK(house.reconciler.foreign() == Words{"192.0.2.1/24 on lo", "2001:db8::1/128 on lo"});
  for (const bool announce : {true, false, true})
    CHECK(house.reconciler.want(standing({announce, announce})));
  house.reconciler.configure({});
  CHECK(address_lines("192.0.2.1/24") + address_lines("2001:db8::1/128") == before);
  CHECK_FALSE(is_there("192.0.2.1/32"));
}

TEST_CASE("adopt: what was there is ours then") {
  House house(true);
  for (const auto* text : {"192.0.2.1/32", "2001:db8::1/128", "192.0.2.2/24"}) {
    REQUIRE(ip({"addr", "add", text, "dev", "lo"}).status == 0);
  }
  house.reconciler.configure({on("lo", "192.0.2.1"), on("lo", "2001:db8::1"), on("lo", "192.0.2.2")});
  CHECK(house.reconciler.foreign().empty());
  CHECK(is_there("192.0.2.1/32"));
  REQUIRE(house.reconciler.want(standing({false, false, false})));
  CHECK_FALSE(is_there("192.0.2.1/32"));
  CHECK_FALSE(is_there("192.0.2.2/24"));
  REQUIRE(ip({"addr", "add", "192.0.2.2/24", "dev", "lo"}).status == 0);
  REQUIRE(ip({"addr", "add", "2001:db8::1/64", "dev", "lo"}).status == 0);
  REQUIRE(house.reconciler.want(standing({true, true, true})));
  CHECK(is_there("192.0.2.1/32"));
  CHECK(is_there("2001:db8::1/128"));
  CHECK(is_there("192.0.2.2/32"));
  CHECK_FALSE(is_there("2001:db8::1/64"));
  CHECK_FALSE(is_there("192.0.2.2/24"));
}

TEST_CASE("adopt in place: nobody sees the address go") {
  House house(true);
  house.reconciler.configure({on("lo", "192.0.2.1"), on("lo", "2001:db8::1")});
  REQUIRE(house.reconciler.want(standing({true, true})));
  NetlinkSocket observer(1 << 20);
  observer.set_nonblocking();
  observer.join(RTNLGRP_IPV4_IFADDR);
  observer.join(RTNLGRP_IPV6_IFADDR);
  REQUIRE(ip({"addr", "replace", "192.0.2.1/32", "dev", "lo"}).status == 0);
  REQUIRE(ip({"addr", "replace", "2001:db8::1/128", "dev", "lo"}).status == 0);
  CHECK_FALSE(address_lines("2001:db8::1/128").find("deprecated") != std::string::npos);
  REQUIRE(house.reconciler.compare());
  CHECK(address_lines("2001:db8::1/128").find("deprecated") != std::string::npos);
  int removals = 0;
  int seen = 0;
  const auto count = [&](nlmsghdr& message) {
    if (message.nlmsg_type == RTM_DELADDR) ++removals;
    ++seen;
    return true;
  };
  while (observer.receive(count) == 0) continue;
  CHECK(seen >= 4);
  CHECK(removals == 0);
}

TEST_CASE("an interface that comes later, goes, and comes again") {
  House house;
  house.reconciler.configure({on("v0", "192.0.2.1"), on("v0", "2001:db8::1")});
  REQUIRE(house.reconciler.want(standing({true, true})));
  CHECK(house.reconciler.states()[0] == AdvertisementState::withdrawn);
  for (int round = 0; round < 2; ++round) {
    REQUIRE(ip({"link", "add", "v0", "type", "veth", "peer", "name", "v1"}).status == 0);
    CHECK(house.comes([&] { return is_there("192.0.2.1/32") && is_there("2001:db8::1/128"); }));
    CHECK(house.comes([&] { return house.reconciler.states()[1] == AdvertisementState::announced; }));
    REQUIRE(ip({"link", "del", "v0"}).status == 0);
    CHECK(house.comes([&] { return house.reconciler.states()[1] == AdvertisementState::withdrawn; }));
  }
  CHECK(house.notes.told == Words{"interface v0 is missing: waiting for it", "interface v0 is there",
                                  "interface v0 is missing: waiting for it", "interface v0 is there",
                                  "interface v0 is missing: waiting for it"});
}

TEST_CASE("a link that goes down and up keeps its IPv6 address through us") {
  House house;
  REQUIRE(ip({"link", "add", "v0", "type", "veth", "peer", "name", "v1"}).status == 0);
  REQUIRE(ip({"link", "set", "v0", "up"}).status == 0);
  house.reconciler.configure({on("v0", "2001:db8::1")});
  REQUIRE(house.reconciler.want(standing({true})));
  REQUIRE(ip({"link", "set", "v0", "down"}).status == 0);
  CHECK(house.comes([&] { return is_there("2001:db8::1/128"); }));
  REQUIRE(ip({"link", "set", "v0", "up"}).status == 0);
  house.hear_everything();
  CHECK(house.comes([&] { return is_there("2001:db8::1/128"); }));
}

TEST_CASE("a renamed interface is another one") {
  House house;
  REQUIRE(ip({"link", "add", "v0", "type", "veth", "peer", "name", "v1"}).status == 0);
  house.reconciler.configure({on("v0", "192.0.2.1")});
  REQUIRE(house.reconciler.want(standing({true})));
  REQUIRE(ip({"link", "set", "v0", "name", "v9"}).status == 0);
  CHECK(house.comes([&] { return !is_there("192.0.2.1/32"); }));
  REQUIRE(ip({"link", "set", "v9", "name", "v0"}).status == 0);
  CHECK(house.comes([&] { return is_there("192.0.2.1/32"); }));
}

TEST_CASE("more events than the socket holds: some are lost, nothing else is") {
  House house(false, 2048);
  std::vector<Advertisement> many;
  Words removals;
  for (int i = 1; i <= 200; ++i) {
    const auto text = "192.0.2." + std::to_string(i) + "/32";
    many.push_back(on("lo", text));
    removals.push_back("addr del " + text + " dev lo");
  }
  house.reconciler.configure(many);
  REQUIRE(house.reconciler.want(standing(std::vector<bool>(many.size(), true))));
  Words flood;
  for (int i = 1; i <= 200; ++i) {
    flood.push_back("addr add 198.51.100." + std::to_string(i) + "/32 dev lo");
  }
  REQUIRE(ip_batch(flood).status == 0);  // fills the socket with what is none of our concern
  REQUIRE(ip_batch(removals).status == 0);
  REQUIRE_FALSE(is_there("192.0.2.1/32"));
  CHECK(house.comes([&] { return is_there("192.0.2.1/32") && is_there("192.0.2.200/32"); }));
  CHECK(house.monitor.losses >= 1);
  const auto all = house.table.read();
  CHECK(std::count_if(all->addresses.begin(), all->addresses.end(), [](const auto& a) { return a.ours; }) ==
        200);

  // The socket hears again.
  REQUIRE(ip({"addr", "del", "192.0.2.7/32", "dev", "lo"}).status == 0);
  CHECK(house.comes([&] { return is_there("192.0.2.7/32"); }));
}

TEST_CASE("what the kernel refuses is told and tried again") {
  House house;
  REQUIRE(ip({"link", "add", "v0", "type", "veth", "peer", "name", "v1", "mtu", "1000"}).status == 0);
  REQUIRE(ip({"link", "set", "v0", "mtu", "1000"}).status == 0);  // too small for IPv6
  house.reconciler.configure({on("v0", "2001:db8::1"), on("v0", "192.0.2.1")});
  CHECK_FALSE(house.reconciler.want(standing({true, true})));
  CHECK(is_there("192.0.2.1/32"));
  REQUIRE(house.notes.told.size() == 1);
  CHECK(house.notes.told[0].starts_with("cannot add 2001:db8::1/128 to v0: "));
  REQUIRE(ip({"link", "set", "v0", "mtu", "1500"}).status == 0);
  CHECK(house.comes([&] { return is_there("2001:db8::1/128"); }));
  CHECK(house.reconciler.settled());
}
