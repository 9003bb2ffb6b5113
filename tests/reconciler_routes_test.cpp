// The reconciler with routes and links; what holds of addresses is in reconciler_test.cpp.
#include <doctest/doctest.h>

#include <functional>

#include "fake_table.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

struct House {
  explicit House(bool adopt = false, ReconcilerTimes times = {})
      : reconciler(loop, table, monitor, notes, adopt, times) {
    table.there.links = {{1, "lo", true}, {2, "bond0", true}, {3, "dummy0", true}};
  }

  bool comes(const std::function<bool()>& condition, Duration patience = 5s) {
    const auto end = Clock::now() + patience;
    Timer tick(loop, [&] { loop.stop(); });
    while (!condition() && Clock::now() < end) {
      tick.start(1ms);
      loop.run();
    }
    return condition();
  }
  void turn() {
    Timer tick(loop, [&] { loop.stop(); });
    tick.start(0ms);
    loop.run();
  }
  void link_event(int index, const char* name) {
    monitor.emit({TableEvent::Kind::link, index, {}, name});
    turn();
  }
  void route_event(const Advertisement& what, bool gone, bool ours) {
    monitor.emit({TableEvent::Kind::route, 2, what.prefix, {}, gone, ours, what.table});
    turn();
  }
  SeenLink& link(std::size_t index) { return table.there.links.at(index - 1); }

  EventLoop loop;
  FakeTable table;
  FakeMonitor monitor;
  Notes notes;
  Reconciler reconciler;
};

Advertisement route(const char* text, const char* device = "bond0") {
  Advertisement out{prefix(text), device, Advertisement::Kind::route};
  out.metric = default_metric(out.prefix.address.family());
  return out;
}

const Advertisement kRoute = route("192.0.2.153/32");

ReconcilerTimes no_gap() {
  ReconcilerTimes times;
  times.least_gap = 0ms;
  return times;
}

}  // namespace

TEST_CASE("without routes and links, none is read nor watched") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  CHECK_FALSE(house.table.scopes.back().routes);
  CHECK(house.table.scopes.back().unmarked.empty());
  CHECK(house.table.scopes.back().links.empty());
  CHECK_FALSE(house.monitor.watches);
}

TEST_CASE("the whole table is read when the set changes, afterwards only what is ours") {
  House house;
  house.reconciler.configure({kRoute});
  CHECK(house.monitor.watches);
  CHECK(house.table.scopes.back().unmarked == std::set<RouteKey>{{kRoute.prefix, kMainTable}});
  CHECK(house.reconciler.want(standing({true})));
  CHECK(house.table.scopes.back().routes);
  CHECK(house.table.scopes.back().unmarked.empty());
  CHECK(house.table.take_done() == Words{"add 192.0.2.153/32 dev bond0"});
  CHECK(house.notes.take() == Words{"192.0.2.153/32 dev bond0 announced"});
  house.reconciler.configure({});
  CHECK(house.table.take_done() == Words{"remove 192.0.2.153/32 dev bond0"});
  house.reconciler.compare();
  CHECK_FALSE(house.monitor.watches);
}

TEST_CASE("a route that somebody removes is back at once; other routes are no news") {
  House house(false, no_gap());
  house.reconciler.configure({kRoute});
  house.reconciler.want(standing({true}));
  house.table.take_done();
  house.notes.take();
  const auto reads = house.table.reads;
  house.route_event(route("192.0.2.154/32"), true, true);
  CHECK(house.table.reads == reads);
  house.table.there.routes.clear();
  house.route_event(kRoute, true, true);
  CHECK(house.table.take_done() == Words{"add 192.0.2.153/32 dev bond0"});
  CHECK(house.notes.take() == Words{"somebody removed or altered 192.0.2.153/32 dev bond0: put right"});
}

TEST_CASE("a foreign route that is not looked for is found when ours is refused, and ours once it is gone") {
  ReconcilerTimes times;
  times.interval = 1h;
  times.retry = 5ms;
  House house(false, times);
  house.reconciler.configure({kRoute});
  house.table.there.routes = {{kRoute.prefix, kMainTable, 0, 3, "dummy0", {}, 3, false}};
  CHECK_FALSE(house.reconciler.want(standing({true})));
  CHECK(house.notes.take() == Words{"failed: cannot add 192.0.2.153/32 dev bond0: File exists"});
  CHECK(house.comes([&] { return house.reconciler.states()[0] == AdvertisementState::foreign; }));
  CHECK(house.reconciler.foreign() == Words{"192.0.2.153/32 dev dummy0 proto 3"});
  CHECK(house.reconciler.settled());
  CHECK(house.notes.take().size() == 2);
  house.reconciler.compare();
  CHECK(house.reconciler.states()[0] == AdvertisementState::foreign);
  house.table.there.routes.clear();
  house.route_event(kRoute, true, false);
  CHECK(house.comes([&] { return house.reconciler.states()[0] == AdvertisementState::announced; }));
}

TEST_CASE("a device goes down and comes up: the route goes and comes with it") {
  House house(false, no_gap());
  house.reconciler.configure({kRoute});
  house.reconciler.want(standing({true}));
  house.table.take_done();
  house.notes.take();
  house.link(2).up = false;
  house.table.there.routes.clear();  // as the kernel does
  house.link_event(2, "bond0");
  CHECK(house.table.take_done().empty());
  CHECK(house.notes.take() ==
        Words{"interface bond0 is down: waiting for it", "192.0.2.153/32 dev bond0 withdrawn"});
  house.link(2).up = true;
  house.link_event(2, "bond0");
  CHECK(house.table.take_done() == Words{"add 192.0.2.153/32 dev bond0"});
  CHECK(house.notes.take() == Words{"interface bond0 is up", "192.0.2.153/32 dev bond0 announced"});
}

TEST_CASE("a route that is refused is tried each second, not each interval") {
  ReconcilerTimes times;
  times.interval = 1h;
  times.retry = 5ms;
  House house(false, times);
  house.reconciler.configure({kRoute});
  house.table.refusal = "Network is unreachable";
  CHECK_FALSE(house.reconciler.want(standing({true})));
  const auto reads = house.table.reads;
  CHECK(house.comes([&] { return house.table.reads > reads + 3; }));
  CHECK(house.notes.take().size() == 1);
  house.table.refusal.clear();
  CHECK(house.comes([&] { return house.reconciler.settled(); }));
}

TEST_CASE("a link is put down where it is not wanted, up when it is, and put right") {
  House house(false, no_gap());
  const auto link = Advertisement::link("dummy0");
  house.link(3).forgets_ipv6 = true;
  house.reconciler.configure({link});
  CHECK(house.table.take_done().empty());
  house.reconciler.want(standing({false}));
  CHECK(house.table.scopes.back().links == std::set<std::string>{"dummy0"});
  CHECK(house.table.take_done() == Words{"set link dummy0 down"});
  CHECK(house.notes.take() == Words{"link dummy0 loses its IPv6 addresses when it is set down: it needs "
                                    "net.ipv6.conf.dummy0.keep_addr_on_down=1",
                                    "link dummy0 announced", "link dummy0 withdrawn"});
  house.reconciler.want(standing({true}));
  CHECK(house.table.take_done() == Words{"set link dummy0 up"});
  CHECK(house.notes.take() == Words{"link dummy0 announced"});
  house.link(3).up = false;
  house.link_event(3, "dummy0");
  CHECK(house.table.take_done() == Words{"set link dummy0 up"});
  CHECK(house.notes.take() == Words{"somebody removed or altered link dummy0: put right"});
  house.reconciler.configure({});
  CHECK(house.table.take_done() == Words{"set link dummy0 down"});
  CHECK(house.notes.take() == Words{"link dummy0 withdrawn"});
}

TEST_CASE("a link that the host comes to need is left as it is, and that is told") {
  House house;
  house.reconciler.configure({Advertisement::link("dummy0")});
  house.reconciler.want(standing({true}));
  house.table.take_done();
  house.notes.take();
  house.link(3).needed = "the default route goes through it";
  house.reconciler.want(standing({false}));
  CHECK(house.table.take_done().empty());
  CHECK(house.notes.take() ==
        Words{"link dummy0 foreign",
              "failed: link dummy0 is left as it is: the default route goes through it"});
}
