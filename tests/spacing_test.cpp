// Changes that wait so that no router drops them: the rule itself, the lease book and the reconciler.
#include "routing/spacing.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "fake_table.hpp"
#include "routing/lease_book.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kNow{1000s};
constexpr Duration kGap = 1050ms;
const Advertisement kOne = on_lo("192.0.2.1");
const auto kKey = Spacing::key_of(kOne);

Spacing spaced() {
  Spacing out;
  out.set_gap(kGap);
  return out;
}

struct Book : LeaseBook {
  explicit Book(Duration linger, Advertisement what = kOne, std::chrono::seconds lease = 3s)
      : spacing(spaced()) {
    configure({std::move(what)}, {{lease, linger}}, {}, kNow - 1s);
    says(Wish::announce, kNow);
    spacing.announced(kKey, kNow);
  }
  void says(Wish wish, TimePoint now) { take({wish}, {true}, now, now, spacing); }
  [[nodiscard]] Standing at(TimePoint now) const { return standing(now).at(0); }
  [[nodiscard]] Wish wish(TimePoint now) const { return at(now).wish; }
  Spacing spacing;
};

// With a gap that a test can wait for.
struct House {
  explicit House(Duration gap = 60ms) { reconciler.set_spacing(gap); }

  bool comes(const std::function<bool()>& condition) {
    const auto end = Clock::now() + 10s;
    Timer tick(loop, [&] { loop.stop(); });
    while (!condition() && Clock::now() < end) {
      tick.start(1ms);
      loop.run();
    }
    return condition();
  }
  bool wants(Wish wish) { return reconciler.want({{wish}}); }
  [[nodiscard]] AdvertisementState state() const { return reconciler.states().at(0); }
  [[nodiscard]] bool waits() const { return reconciler.waits().at(0) > Clock::now(); }
  [[nodiscard]] bool there() const { return table.has("192.0.2.1"); }

  EventLoop loop;
  FakeTable table;
  FakeMonitor monitor;
  Notes notes;
  Reconciler reconciler{loop, table, monitor, notes, false};
};

const std::string kAdd = "add 192.0.2.1/32 to lo";
const std::string kRemove = "remove 192.0.2.1/32 from lo";

}  // namespace

TEST_CASE("spacing: what is not known to have changed waits for nothing") {
  const auto spacing = spaced();
  CHECK(spacing.may_announce(kKey) <= kNow);
  CHECK(spacing.may_withdraw(kKey) <= kNow);
}

TEST_CASE("spacing: a withdrawal waits behind an announcement, and an announcement behind a withdrawal") {
  auto spacing = spaced();
  spacing.announced(kKey, kNow);
  CHECK(spacing.may_withdraw(kKey) == kNow + kGap);
  spacing.forget(kNow + 1h);
  spacing.withdrawn(kKey, kNow + 1h);
  CHECK(spacing.may_announce(kKey) == kNow + 1h + kGap);
}

TEST_CASE("spacing: what was announced and withdrawn is announced again MinLSInterval after it was") {
  auto spacing = spaced();
  spacing.announced(kKey, kNow);
  spacing.withdrawn(kKey, kNow + 2s);
  CHECK(spacing.may_announce(kKey) == kNow + 5s);
  spacing.withdrawn(kKey, kNow + 4500ms);
  CHECK(spacing.may_announce(kKey) == kNow + 4500ms + kGap);
  // And a withdrawal as planned behind several changes only for the gap.
  spacing.announced(kKey, kNow + 6s);
  CHECK(spacing.may_withdraw(kKey) == kNow + 6s + kGap);
}

TEST_CASE("spacing: each prefix and each link is its own, whatever carries it") {
  auto spacing = spaced();
  spacing.announced(kKey, kNow);
  CHECK(spacing.may_withdraw(Spacing::key_of(on_lo("192.0.2.2"))) <= kNow);
  CHECK(spacing.may_withdraw(Spacing::key_of(on_lo("2001:db8::1"))) <= kNow);
  CHECK(spacing.may_withdraw(Spacing::key_of(Advertisement::link("lo"))) <= kNow);
  CHECK(spacing.may_withdraw(Spacing::key_of({prefix("192.0.2.1"), "dummy0"})) == kNow + kGap);
  CHECK(Spacing::key_of(prefix("192.0.2.9/24")) == Spacing::key_of(prefix("192.0.2.0/24")));
}

TEST_CASE("spacing: what went without our doing counts from when it was found gone, and once") {
  auto spacing = spaced();
  spacing.missed(kKey, kNow);
  spacing.missed(kKey, kNow + 1s);
  CHECK(spacing.may_announce(kKey) == kNow + kGap);
  spacing.announced(kKey, kNow + 2s);
  spacing.missed(kKey, kNow + 3s);
  CHECK(spacing.may_withdraw(kKey) == kNow + 3s + kGap);
}

TEST_CASE("spacing: nothing waits where it is off, and what is old is forgotten") {
  auto spacing = spaced();
  spacing.announced(kKey, kNow);
  spacing.withdrawn(kKey, kNow + 1s);
  spacing.set_gap({});
  CHECK(spacing.may_announce(kKey) <= kNow);
  CHECK(spacing.may_withdraw(kKey) <= kNow);
  spacing.set_gap(kGap);
  spacing.forget(kNow + 2s);
  CHECK(spacing.may_announce(kKey) == kNow + 5s);
  spacing.forget(kNow + 7s);
  CHECK(spacing.may_announce(kKey) <= kNow);
  // A long gap is remembered for as long as it is.
  spacing.set_gap(1min);
  spacing.withdrawn(kKey, kNow);
  spacing.forget(kNow + 59s);
  CHECK(spacing.may_announce(kKey) == kNow + 1min);
}

TEST_CASE("spacing: a planned withdrawal waits, stands as it is meanwhile, and lingers for as long as ever") {
  Book book(2s);
  book.says(Wish::linger, kNow + 300ms);
  const auto begins = kNow + kGap;
  CHECK(book.wish(begins - 1ns) == Wish::announce);
  CHECK(book.at(begins - 1ns).leaves_at == begins);
  CHECK(book.at(begins - 1ns).until == kNow + 3s);
  CHECK(book.next_end(kNow + 300ms) == begins);
  CHECK(book.wish(begins) == Wish::linger);
  CHECK(book.next_end(begins) == begins + 2s);
  // It is not put off by being said again, or by what happens meanwhile.
  book.spacing.withdrawn(kKey, kNow + 900ms);
  book.says(Wish::linger, kNow + 1s);
  CHECK(book.wish(begins) == Wish::linger);
  CHECK(book.wish(begins + 2s) == Wish::withdraw);
}

TEST_CASE("spacing: a planned withdrawal of what does not linger waits too, and so does a short lease") {
  Book off(0s);
  off.says(Wish::linger, kNow + 300ms);
  CHECK(off.wish(kNow + kGap - 1ns) == Wish::announce);
  CHECK(off.wish(kNow + kGap) == Wish::withdraw);
  CHECK(off.next_end(kNow + kGap) == TimePoint::max());
  Advertisement route{prefix("192.0.2.1"), "bond0", Advertisement::Kind::route};
  Book leads(2s, route);
  leads.says(Wish::linger, kNow + 300ms);
  CHECK(leads.wish(kNow + kGap - 1ns) == Wish::announce);
  CHECK(leads.wish(kNow + kGap) == Wish::withdraw);
  Book brief(2s, kOne, 1s);
  brief.says(Wish::linger, kNow + 300ms);
  CHECK(brief.at(kNow + 300ms).until > kNow + kGap);
}

TEST_CASE("spacing: a failure is withdrawn at once, also while a planned withdrawal waits") {
  Book book(2s);
  book.says(Wish::withdraw, kNow + 100ms);
  CHECK(book.wish(kNow + 100ms) == Wish::withdraw);
  Book drained(2s);
  drained.says(Wish::linger, kNow + 100ms);
  drained.says(Wish::withdraw, kNow + 200ms);
  CHECK(drained.wish(kNow + 200ms) == Wish::withdraw);
}

TEST_CASE("spacing: resumed before its time it never left, and a reload cuts only what lingers") {
  Book resumed(2s);
  resumed.says(Wish::linger, kNow + 100ms);
  resumed.says(Wish::announce, kNow + 200ms);
  CHECK(resumed.wish(kNow + 2s) == Wish::announce);
  CHECK(resumed.at(kNow + 2s).leaves_at == TimePoint());
  Book reread(2s);
  reread.says(Wish::linger, kNow + 100ms);
  reread.configure({kOne}, {{3s, 1s}}, {}, kNow + 200ms);
  CHECK(reread.wish(kNow + kGap - 1ns) == Wish::announce);
  CHECK(reread.wish(kNow + kGap + 1s - 1ns) == Wish::linger);
  CHECK(reread.wish(kNow + kGap + 1s) == Wish::withdraw);
}

TEST_CASE("spacing: the first announcement and what an earlier run left wait for nothing") {
  House fresh(1h);
  fresh.reconciler.configure({kOne});
  fresh.wants(Wish::announce);
  CHECK(fresh.table.take_done() == Words{kAdd});
  CHECK_FALSE(fresh.waits());
  House adopting(1h);
  adopting.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
  adopting.reconciler.configure({kOne});
  adopting.wants(Wish::announce);
  CHECK(adopting.table.take_done().empty());
  CHECK(adopting.reconciler.spacing().may_withdraw(kKey) <= Clock::now());
}

TEST_CASE("spacing: what failed is withdrawn at once, and announced again when it may be") {
  House house(200ms);
  house.reconciler.configure({kOne});
  house.wants(Wish::announce);
  house.wants(Wish::withdraw);
  CHECK(house.table.take_done() == Words{kAdd, kRemove});
  house.wants(Wish::announce);
  CHECK(house.table.take_done().empty());
  CHECK(house.state() == AdvertisementState::withdrawn);
  // It was announced just now: MinLSInterval.
  const auto left = house.reconciler.waits().at(0) - Clock::now();
  CHECK(left > 4s);
  CHECK(left <= 5s);
  CHECK(house.reconciler.settled());
  // What is not wanted any more waits for nothing.
  house.wants(Wish::withdraw);
  CHECK_FALSE(house.waits());
}

TEST_CASE("spacing: what waits is announced by itself when its time has come") {
  House house(60ms);
  house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
  house.reconciler.configure({kOne});
  house.wants(Wish::withdraw);
  house.table.take_done();
  const auto at = Clock::now();
  house.wants(Wish::announce);
  CHECK(house.table.take_done().empty());
  CHECK(house.comes([&] { return house.there(); }));
  CHECK(Clock::now() - at >= 50ms);
  CHECK(house.state() == AdvertisementState::announced);
  CHECK_FALSE(house.waits());
}

TEST_CASE("spacing: what somebody removed is announced anew when it may be, and told as put right then") {
  House house(60ms);
  house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
  house.reconciler.configure({kOne});
  house.wants(Wish::announce);
  house.notes.take();
  house.table.remove(prefix("192.0.2.1"), 1);
  const auto at = Clock::now();
  house.monitor.emit({TableEvent::Kind::address, 1, prefix("192.0.2.1"), {}, true, true});
  CHECK(house.comes([&] { return house.waits(); }));
  CHECK(house.notes.take() == Words{"192.0.2.1/32 withdrawn"});
  CHECK(house.comes([&] { return house.there(); }));
  CHECK(Clock::now() - at >= 60ms);
  CHECK(house.notes.take() ==
        Words{"192.0.2.1/32 announced", "somebody removed or altered 192.0.2.1/32 on lo: put right"});
}

TEST_CASE("spacing: what fails while its repair waits is not repaired, nor told so later") {
  House house(60ms);
  house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
  house.reconciler.configure({kOne});
  house.wants(Wish::announce);
  house.table.remove(prefix("192.0.2.1"), 1);
  house.reconciler.compare();
  CHECK(house.waits());
  house.wants(Wish::withdraw);
  house.notes.take();
  house.wants(Wish::announce);
  CHECK(house.comes([&] { return house.there(); }));
  CHECK(house.notes.take() == Words{"192.0.2.1/32 announced"});
}

TEST_CASE("spacing: what is to leave is not added anew while it waits") {
  House house(1h);
  house.reconciler.configure({kOne});
  const Standing leaving{Wish::announce, Clock::now() + 2h, Clock::now() + 1h};
  house.reconciler.want({leaving});
  CHECK(house.table.take_done().empty());
  CHECK_FALSE(house.waits());
  house.wants(Wish::announce);
  house.reconciler.want({leaving});
  CHECK(house.there());
  CHECK(house.waits());
  house.table.remove(prefix("192.0.2.1"), 1);
  house.reconciler.compare();
  CHECK_FALSE(house.there());
  CHECK_FALSE(house.waits());
}

TEST_CASE("spacing: what lingers does so until it may be announced again") {
  House house(60ms);
  house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
  house.reconciler.configure({kOne});
  house.wants(Wish::linger);
  house.table.take_done();
  house.wants(Wish::announce);
  CHECK(house.table.take_done().empty());
  CHECK(house.state() == AdvertisementState::lingering);
  CHECK(house.comes([&] { return house.there(); }));
  CHECK(house.table.take_done() == Words{kAdd, "answer no more for 192.0.2.1"});
}

TEST_CASE("spacing: a reload that removes what was announced just now waits, unless all is over") {
  House house(60ms);
  house.reconciler.configure({kOne}, {0ms});
  house.wants(Wish::announce);
  house.table.take_done();
  house.reconciler.configure({});
  CHECK(house.table.take_done().empty());
  CHECK_FALSE(house.reconciler.rid_of_gone());
  CHECK(house.comes([&] { return house.reconciler.rid_of_gone(); }));
  CHECK(house.table.take_done() == Words{kRemove});

  House leaving(1h);
  leaving.reconciler.configure({kOne}, {1h});
  leaving.wants(Wish::announce);
  leaving.reconciler.configure({});
  leaving.table.take_done();
  leaving.reconciler.end_lingering();
  leaving.reconciler.compare();
  CHECK(leaving.table.take_done() == Words{kRemove});
}

TEST_CASE("spacing: a reload that moves an address withdraws it there before it announces it here") {
  House house(60ms);
  house.table.there.links.push_back({2, "eth0", true});
  house.table.there.addresses.push_back({prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}});
  house.reconciler.configure({kOne});
  house.wants(Wish::announce);
  house.reconciler.configure({{prefix("192.0.2.1"), "eth0"}});
  house.wants(Wish::announce);
  CHECK(house.table.take_done() == Words{kRemove});
  CHECK(house.waits());
  CHECK(house.comes([&] { return house.there(); }));
  CHECK(house.table.take_done() == Words{"add 192.0.2.1/32 to eth0"});
}

TEST_CASE("spacing: a renewed lease is no change") {
  House house(60ms);
  house.reconciler.configure({kOne});
  const auto now = Clock::now();
  house.reconciler.want({{Wish::announce, now + 60s}});
  const auto may = house.reconciler.spacing().may_withdraw(kKey);
  house.reconciler.want({{Wish::announce, now + 200s}});
  CHECK(house.table.take_done() == Words{kAdd, "renew 192.0.2.1/32 on lo"});
  CHECK(house.reconciler.spacing().may_withdraw(kKey) == may);
}

TEST_CASE("spacing: routes and links wait as addresses do") {
  House house(1h);
  house.table.there.links.push_back({2, "dummy0", false});
  Advertisement route{prefix("192.0.2.153"), "lo", Advertisement::Kind::route};
  house.reconciler.configure({route, Advertisement::link("dummy0")});
  house.reconciler.want({{Wish::announce}, {Wish::announce}});
  CHECK(house.table.take_done().size() == 2);
  house.reconciler.want({{Wish::withdraw}, {Wish::withdraw}});
  CHECK(house.table.take_done().size() == 2);
  house.reconciler.want({{Wish::announce}, {Wish::announce}});
  CHECK(house.table.take_done().empty());
  for (const auto until : house.reconciler.waits()) CHECK(until > Clock::now());
  house.reconciler.set_spacing({});
  house.reconciler.compare();
  CHECK(house.table.take_done().size() == 2);
}
