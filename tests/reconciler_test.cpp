#include "routing/reconciler.hpp"
#include "fake_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

struct House {
  explicit House(bool adopt = false, ReconcilerTimes times = {})
      : reconciler(loop, table, monitor, notes, adopt, times) {}

  // Runs the loop until it holds or the time is over.
  bool comes(const std::function<bool()>& condition, Duration patience = 5s) {
    const auto end = Clock::now() + patience;
    Timer tick(loop, [&] { loop.stop(); });
    while (!condition() && Clock::now() < end) {
      tick.start(1ms);
      loop.run();
    }
    return condition();
  }

  // One turn of the loop: what is due is done, no time passes.
  void turn() {
    Timer tick(loop, [&] { loop.stop(); });
    tick.start(0ms);
    loop.run();
  }

  EventLoop loop;
  FakeTable table;
  FakeMonitor monitor;
  Notes notes;
  Reconciler reconciler;
};

TableEvent address_event(const char* text, bool gone = false, bool ours = false, int index = 1) {
  return {TableEvent::Kind::address, index, prefix(text), {}, gone, ours};
}

ReconcilerTimes hasty() {
  ReconcilerTimes times;
  times.interval = 40ms;
  times.retry = 5ms;
  return times;
}

}  // namespace

TEST_CASE("want() has told the kernel when it returns") {
  House house;
  CHECK(house.reconciler.configure({on_lo("192.0.2.1"), on_lo("2001:db8::1")}));
  CHECK(house.table.take_done().empty());
  CHECK(house.reconciler.want(standing({true, false})));
  CHECK(house.table.take_done() == Words{"add 192.0.2.1/32 to lo"});
  CHECK(house.reconciler.states() ==
        std::vector{AdvertisementState::announced, AdvertisementState::withdrawn});
  CHECK(house.notes.take() == Words{"192.0.2.1/32 announced"});
  CHECK(house.reconciler.want(standing({false, true})));
  CHECK(house.table.take_done() == Words{"remove 192.0.2.1/32 from lo", "add 2001:db8::1/128 to lo"});
  CHECK(house.notes.take() == Words{"192.0.2.1/32 withdrawn", "2001:db8::1/128 announced"});
}

TEST_CASE("without a compare configure() leaves the kernel to want()") {
  House house;
  house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.configure({on_lo("192.0.2.2")}, {}, false);
  CHECK(house.table.take_done().empty());
  house.reconciler.want(standing({true}));
  CHECK(house.table.take_done() == Words{"remove 192.0.2.1/32 from lo", "add 192.0.2.2/32 to lo"});
}

TEST_CASE("it is told how much was done, each time that something was") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1"), on_lo("192.0.2.2")});
  CHECK(house.notes.changes_done == 0);
  house.reconciler.want(standing({true, true}));
  CHECK(house.notes.changes_done == 2);
  house.reconciler.want(standing({true, true}));
  CHECK(house.notes.changes_done == 2);
}

TEST_CASE("wants of the wrong number change nothing") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  CHECK_FALSE(house.reconciler.want(standing({true, true})));
  CHECK_FALSE(house.reconciler.want(standing({})));
  CHECK(house.table.done.empty());
}

TEST_CASE("a left-over of an earlier run is held until it is wanted or not") {
  House house;
  house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
  CHECK(house.reconciler.find({on_lo("192.0.2.1"), on_lo("192.0.2.2")}) == std::vector<bool>{true, false});
  house.reconciler.configure({on_lo("192.0.2.1")});
  CHECK(house.table.take_done().empty());
  CHECK(house.reconciler.states()[0] == AdvertisementState::announced);
  house.reconciler.want(standing({false}));
  CHECK(house.table.take_done() == Words{"remove 192.0.2.1/32 from lo"});
}

TEST_CASE("of what an earlier run left, that goes which is not configured any more") {
  House house;
  for (const auto* text : {"192.0.2.1", "192.0.2.2", "192.0.2.3"})
    house.table.there.addresses.push_back({prefix(text), 1, "lo", true, Fitness::exact, "", {}});
  house.reconciler.inherit({on_lo("192.0.2.1"), on_lo("192.0.2.2")});
  CHECK_FALSE(house.reconciler.rid_of_gone());
  house.reconciler.configure({on_lo("192.0.2.2")});
  CHECK(house.table.take_done() ==
        Words{"remove 192.0.2.1/32 from lo"});  // and not 192.0.2.3, of another instance
  CHECK(house.reconciler.rid_of_gone());
}

TEST_CASE("what the kernel has ended by itself nobody is said to have removed") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  const auto end = Clock::now() + 10ms;
  house.reconciler.want({{Wish::announce, end}});
  house.notes.take();
  while (Clock::now() < end) house.turn();
  house.table.remove(prefix("192.0.2.1"), 1);
  house.reconciler.want({{Wish::announce, Clock::now() + 60s}});
  CHECK(house.table.has("192.0.2.1"));
  CHECK(house.notes.take().empty());
  // It may be a little early.
  house.reconciler.want({{Wish::announce, Clock::now() + 200ms}});
  house.table.remove(prefix("192.0.2.1"), 1);
  house.reconciler.want({{Wish::announce, Clock::now() + 60s}});
  CHECK(house.notes.take().empty());
  house.table.remove(prefix("192.0.2.1"), 1);
  house.reconciler.compare();
  CHECK(house.notes.take() == Words{"somebody removed or altered 192.0.2.1/32 on lo: put right"});
}

TEST_CASE("nor is what an earlier run had left, and the kernel ended before we renewed it") {
  House house;
  house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}, true});
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.want({{Wish::hold, Clock::now() + 60s}});
  REQUIRE(house.reconciler.states() == std::vector{AdvertisementState::announced});
  house.notes.take();
  house.table.remove(prefix("192.0.2.1"), 1);
  house.reconciler.want({{Wish::announce, Clock::now() + 60s}});
  CHECK(house.table.has("192.0.2.1"));
  CHECK(house.notes.take().empty());
  house.table.remove(prefix("192.0.2.1"), 1);
  house.reconciler.compare();
  CHECK(house.notes.take() == Words{"somebody removed or altered 192.0.2.1/32 on lo: put right"});
}

TEST_CASE("a lease is given to the kernel in whole seconds, and renewed once a part of it is used up") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  const auto now = Clock::now();
  house.reconciler.want({{Wish::announce, now + 60s}});
  CHECK(house.table.take_done() == Words{"add 192.0.2.1/32 to lo"});
  CHECK(house.table.there.addresses.at(0).passing);
  house.reconciler.want({{Wish::announce, now + 61s}});
  CHECK(house.table.take_done().empty());
  house.reconciler.want({{Wish::announce, now + 90s}});  // 30 s more than a third of it are left
  CHECK(house.table.take_done().empty());
  house.reconciler.want({{Wish::announce, now + 180s}});
  CHECK(house.table.take_done() == Words{"renew 192.0.2.1/32 on lo"});
  house.reconciler.want({{Wish::announce, now + 3s}});  // a shorter one holds from now on
  CHECK(house.table.take_done() == Words{"renew 192.0.2.1/32 on lo"});
  house.reconciler.want({{Wish::announce, now + 4s}});  // little is left of it in seconds
  CHECK(house.table.take_done() == Words{"renew 192.0.2.1/32 on lo"});
  house.reconciler.want({{Wish::hold, now + 90s}});
  CHECK(house.table.take_done().empty());
  CHECK(house.notes.take() == Words{"192.0.2.1/32 announced"});
}

TEST_CASE("what waited to be renewed is renewed in time, though nobody says it anew") {
  ReconcilerTimes times;
  times.enough_left = 800ms;
  House house(false, times);
  house.reconciler.configure({on_lo("192.0.2.1")});
  const auto now = Clock::now();
  house.reconciler.want({{Wish::announce, now + 2s}});
  house.table.take_done();
  house.reconciler.want({{Wish::announce, now + 2800ms}});
  CHECK(house.table.take_done().empty());
  CHECK(house.comes([&] { return !house.table.done.empty(); }));
  CHECK(Clock::now() - now < 2s);
  CHECK(house.table.take_done() == Words{"renew 192.0.2.1/32 on lo"});
}

TEST_CASE(
    "a lease that is over is withdrawn whatever is wished, and one that the kernel ended is not added "
    "again") {
  House house(false, hasty());
  house.reconciler.configure({on_lo("192.0.2.1"), on_lo("192.0.2.2")});
  const auto now = Clock::now();
  house.reconciler.want({{Wish::announce, now + 60s}, {Wish::hold, now + 60s}});
  CHECK(house.table.take_done() == Words{"add 192.0.2.1/32 to lo"});
  house.reconciler.want({{Wish::announce, now}, {Wish::hold, now}});
  CHECK(house.table.take_done() == Words{"remove 192.0.2.1/32 from lo"});
  house.table.there.addresses.push_back({prefix("192.0.2.2"), 1, "lo", true, Fitness::exact, "", {}, true});
  house.reconciler.want({{Wish::withdraw, now}, {Wish::hold, now + 60s}});
  CHECK(house.reconciler.states()[1] == AdvertisementState::announced);
  house.table.there.addresses.clear();
  house.reconciler.compare();
  CHECK(house.table.take_done().empty());
  CHECK(house.reconciler.states()[1] == AdvertisementState::withdrawn);
}

TEST_CASE("a new set leaves what stays untouched and withdraws what is not in it") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1"), on_lo("192.0.2.2")});
  house.reconciler.want(standing({true, true}));
  house.table.take_done();
  house.notes.take();
  house.reconciler.configure({on_lo("192.0.2.3"), on_lo("192.0.2.2")});
  CHECK(house.table.take_done() == Words{"remove 192.0.2.1/32 from lo"});
  CHECK(house.notes.take() == Words{"192.0.2.1/32 withdrawn"});
  CHECK(house.reconciler.states() ==
        std::vector{AdvertisementState::withdrawn, AdvertisementState::announced});

  SUBCASE("once it is gone, another instance may have the number") {
    house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
    house.reconciler.compare();
    CHECK(house.table.take_done().empty());
  }
}

TEST_CASE("a removal that fails is tried until it is done, also of what is configured no more") {
  House house(false, hasty());
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.want(standing({true}));
  house.notes.take();
  house.table.refusal = "busy";
  CHECK_FALSE(house.reconciler.configure({}));
  CHECK(house.notes.take() == Words{"failed: cannot remove 192.0.2.1/32 from lo: busy"});
  house.table.refusal.clear();
  CHECK(house.comes([&] { return !house.table.has("192.0.2.1"); }));
  CHECK(house.notes.take() == Words{"192.0.2.1/32 withdrawn"});
  CHECK(house.reconciler.settled());
}

TEST_CASE("a failure is told once for each cause, tried again, and settles in the end") {
  House house(false, hasty());
  std::vector<Advertisement> many;
  for (int i = 1; i <= 5; ++i) many.push_back(on_lo(("192.0.2." + std::to_string(i)).c_str()));
  house.reconciler.configure(many);
  const int before = house.notes.settlements;
  house.table.refusal = "no room";
  CHECK_FALSE(house.reconciler.want(standing(std::vector<bool>(5, true))));
  CHECK_FALSE(house.reconciler.settled());
  CHECK(house.reconciler.states() == std::vector(5, AdvertisementState::withdrawn));
  CHECK(house.notes.take() == Words{"failed: cannot add 192.0.2.1/32 to lo, add 192.0.2.2/32 to lo, "
                                    "add 192.0.2.3/32 to lo and 2 more: no room"});
  const int reads = house.table.reads;
  CHECK(house.comes([&] { return house.table.reads >= reads + 3; }));
  CHECK(house.notes.take().empty());
  house.table.refusal.clear();
  CHECK(house.comes([&] { return house.reconciler.settled(); }));
  CHECK(house.notes.settlements == before + 1);
  CHECK(house.reconciler.states() == std::vector(5, AdvertisementState::announced));
}

TEST_CASE("what goes on failing is tried again soon once, then with the interval") {
  ReconcilerTimes times;
  times.retry = 5ms;
  House house(false, times);
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.table.refusal = "no room";
  house.reconciler.want(standing({true}));
  const int reads = house.table.reads;
  CHECK(house.comes([&] { return house.table.reads == reads + 1; }));
  CHECK_FALSE(house.comes([&] { return house.table.reads > reads + 1; }, 100ms));
}

TEST_CASE("what cannot be removed is still announced") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.want(standing({true}));
  house.table.refusal = "busy";
  CHECK_FALSE(house.reconciler.want(standing({false})));
  CHECK(house.reconciler.states()[0] == AdvertisementState::announced);
}

TEST_CASE("tables that cannot be read change no state, and are read again") {
  House house(false, hasty());
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.want(standing({true}));
  house.notes.take();
  house.table.broken = "no answer";
  CHECK_FALSE(house.reconciler.want(standing({false})));
  CHECK(house.reconciler.states()[0] == AdvertisementState::announced);
  CHECK(house.notes.take() == Words{"failed: no answer"});
  house.table.broken.clear();
  CHECK(house.comes([&] { return !house.table.has("192.0.2.1"); }));
}

TEST_CASE("what somebody removes is added again at once") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.want(standing({true}));
  house.notes.take();
  house.table.remove(prefix("192.0.2.1"), 1);
  house.monitor.emit(address_event("192.0.2.1"));
  house.turn();
  CHECK(house.table.has("192.0.2.1"));
  CHECK(house.notes.take() == Words{"somebody removed or altered 192.0.2.1/32 on lo: put right"});
}

TEST_CASE("who removes again and again is named where it can be told, and not each time") {
  ReconcilerTimes times;
  times.least_gap = 0ms;
  times.repair_gap = 300ms;
  House house(false, times);
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.want(standing({true}));
  house.notes.take();
  const auto end = Clock::now() + 600ms;
  auto event = address_event("192.0.2.1");
  event.gone = true;
  event.by = "meddler, process 812";
  unsigned removals = 0;
  while (Clock::now() < end) {
    house.table.remove(prefix("192.0.2.1"), 1);
    house.monitor.emit(event);
    house.turn();
    REQUIRE(house.table.has("192.0.2.1"));
    ++removals;
  }
  const auto told = house.notes.take();
  CHECK(removals > 3);
  CHECK(told.size() <= 3);
  CHECK(told.front() == "meddler, process 812, removed or altered 192.0.2.1/32 on lo: put right");
  CHECK(told.back().find(" times)") != std::string::npos);
}

TEST_CASE("events that do not concern us cause no compare") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  const int reads = house.table.reads;
  house.monitor.emit(address_event("192.0.2.9"));
  house.monitor.emit({TableEvent::Kind::link, 7, {}, "eth7"});
  house.turn();
  CHECK(house.table.reads == reads);
  house.monitor.emit({TableEvent::Kind::link, 1, {}, "renamed"});
  house.turn();
  CHECK(house.table.reads == reads + 1);
}

TEST_CASE("the echo of our own change is no event, anything else about our numbers is") {
  ReconcilerTimes times;
  times.least_gap = 0ms;
  House house(false, times);
  house.reconciler.configure({on_lo("2001:db8::1"), on_lo("2001:db8::2")});
  house.reconciler.want(standing({true, false}));
  const int reads = house.table.reads;
  const auto compared = [&](const TableEvent& event) {
    const int before = house.table.reads;
    house.monitor.emit(event);
    house.turn();
    return house.table.reads > before;
  };
  CHECK_FALSE(compared(address_event("2001:db8::1", false, true)));
  CHECK_FALSE(compared(address_event("2001:db8::2", true, true)));
  CHECK(house.table.reads == reads);
  CHECK(compared(address_event("2001:db8::1", true, true)));      // removed by hand
  CHECK(compared(address_event("2001:db8::1", false, false)));    // altered
  CHECK(compared(address_event("2001:db8::1", false, true, 2)));  // on another interface
  CHECK(compared(address_event("2001:db8::1/64", false, true)));
  CHECK(compared(address_event("2001:db8::2", false, true)));  // nobody wanted it
  CHECK(compared(address_event("2001:db8::2", true, false)));  // a foreign one goes
}

TEST_CASE("lost events cause a compare") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  const int reads = house.table.reads;
  house.monitor.emit({});
  house.turn();
  CHECK(house.table.reads == reads + 1);
}

TEST_CASE("a fight costs one compare each least_gap, and one text") {
  House house;
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.want(standing({true}));
  house.notes.take();
  const int reads = house.table.reads;
  const auto start = Clock::now();
  int rounds = 0;
  const bool over = house.comes([&] {
    if (house.table.has("192.0.2.1")) {
      house.table.remove(prefix("192.0.2.1"), 1);
      ++rounds;
    }
    house.monitor.emit(address_event("192.0.2.1"));
    return Clock::now() - start > 450ms;
  });
  CHECK(over);
  CHECK(rounds >= 2);
  const auto most = (Clock::now() - start) / 100ms + 1;
  CHECK(house.table.reads - reads <= most);
  CHECK(house.table.reads - reads >= 3);
  CHECK(house.notes.take().size() == 1);
}

TEST_CASE("without any event, the interval finds what is missing") {
  House house(false, hasty());
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.reconciler.want(standing({true}));
  house.table.remove(prefix("192.0.2.1"), 1);
  CHECK(house.comes([&] { return house.table.has("192.0.2.1"); }));
}

TEST_CASE("a missing interface is told once, and once when it appears") {
  House house;
  house.reconciler.configure({{prefix("192.0.2.1"), "veth9"}});
  CHECK(house.notes.take() == Words{"interface veth9 is missing: waiting for it"});
  CHECK(house.reconciler.want(standing({true})));
  CHECK(house.notes.take().empty());
  house.table.there.links.push_back({9, "veth9"});
  house.monitor.emit({TableEvent::Kind::link, 9, {}, "veth9"});
  house.turn();
  CHECK(house.notes.take() == Words{"interface veth9 is there", "192.0.2.1/32 announced"});
  CHECK(house.table.done == Words{"add 192.0.2.1/32 to veth9"});
}

TEST_CASE("a foreign address is named, told once, never touched, and ours once it is gone") {
  House house;
  house.table.add_foreign("192.0.2.1/24");
  house.reconciler.configure({on_lo("192.0.2.1")});
  CHECK(house.reconciler.foreign() == Words{"192.0.2.1/24 on lo"});
  CHECK(house.reconciler.want(standing({true})));
  CHECK(house.reconciler.want(standing({false})));
  CHECK(house.reconciler.want(standing({true})));
  CHECK(house.table.done.empty());
  CHECK(house.reconciler.states()[0] == AdvertisementState::foreign);
  CHECK(house.notes.take() ==
        Words{"192.0.2.1/32 foreign",
              "failed: 192.0.2.1/32 on lo is not ours to announce: 192.0.2.1/24 on lo is "
              "there without our mark, and is left alone"});
  house.table.remove(prefix("192.0.2.1/24"), 1);
  house.monitor.emit(address_event("192.0.2.1/24"));
  house.turn();
  CHECK(house.notes.take() == Words{"192.0.2.1/32 announced"});
  CHECK(house.reconciler.foreign().empty());
}

TEST_CASE("adopt: a foreign address is removed while withdrawn") {
  House house(true);
  house.table.add_foreign("192.0.2.1");
  CHECK(house.reconciler.find({on_lo("192.0.2.1")}) == std::vector<bool>{true});
  house.reconciler.configure({on_lo("192.0.2.1")});
  CHECK(house.reconciler.foreign().empty());
  CHECK(house.table.done.empty());
  house.reconciler.want(standing({false}));
  CHECK(house.table.done == Words{"remove 192.0.2.1/32 from lo"});
}

TEST_CASE("a torn view is acted on, and not the end of it") {
  House house(false, hasty());
  house.reconciler.configure({on_lo("192.0.2.1")});
  house.table.there.torn = true;
  CHECK_FALSE(house.reconciler.want(standing({true})));
  CHECK(house.table.has("192.0.2.1"));
  house.table.there.torn = false;
  CHECK(house.comes([&] { return house.reconciler.settled(); }));
}

TEST_CASE("what is wrong and lasts is named as long as it lasts") {
  ReconcilerTimes times;
  times.least_gap = 0ms;
  House house(false, times);
  house.table.add_foreign("192.0.2.1/32");
  house.reconciler.configure({on_lo("192.0.2.1/32"), {prefix("192.0.2.2/32"), "eth7"}});
  house.reconciler.want(standing({true, true}));
  CHECK(house.reconciler.problems() ==
        Words{"interface eth7 is missing", "192.0.2.1/32 on lo: there without our mark, and left alone"});

  house.table.there.addresses.clear();
  house.table.there.links.push_back({7, "eth7"});
  house.table.refusal = "Operation not permitted";
  house.reconciler.compare();
  CHECK(house.reconciler.problems() == Words{"failed: add 192.0.2.1/32 to lo: Operation not permitted, "
                                             "add 192.0.2.2/32 to eth7: Operation not permitted"});
  house.table.refusal.clear();
  house.reconciler.compare();
  CHECK(house.reconciler.problems().empty());
  house.table.broken = "no dump";
  house.reconciler.compare();
  CHECK(house.reconciler.problems() == Words{"failed: no dump"});
}
