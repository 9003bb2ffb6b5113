// What is withdrawn as planned: the lease book, the plan and the reconciler, one after the other.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "fake_table.hpp"
#include "routing/lease_book.hpp"
#include "routing/plan.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kNow{1000s};
const Advertisement kOne = on_lo("192.0.2.1");
const Advertisement kTwo = on_lo("2001:db8::1");

struct Book : LeaseBook {
  explicit Book(const Advertisement& what = kOne, Duration linger = 2s) {
    configure({what}, {{3s, linger}}, {}, kNow);
    says(Wish::announce, kNow);
  }
  void says(Wish wish, TimePoint now) { take({wish}, {true}, now, now); }
  [[nodiscard]] Wish wish(TimePoint now) const { return standing(now).at(0).wish; }
};

SeenAddress there(const char* text, bool ours = true) {
  return {prefix(text), 1, "lo", ours, ours ? Fitness::exact : Fitness::mendable, "", {}};
}

SeenRoute answering(const char* text) {
  SeenRoute out;
  out.prefix = prefix(text);
  out.table = 255;
  out.protocol = 77;
  out.ours = out.lingering = true;
  return out;
}

Snapshot host(std::vector<SeenAddress> addresses, std::vector<SeenRoute> routes = {}) {
  return {{{1, "lo", true, true}, {2, "eth0", true}}, std::move(addresses), false, std::move(routes)};
}

Plan plan_of(const std::vector<Desired>& desired, const Snapshot& seen,
             const std::vector<Former>& gone = {}) {
  return make_plan(desired, gone, seen, false);
}

Words words(const Plan& plan) {
  Words out;
  for (const auto& each : plan.changes) out.push_back(to_string(each.change));
  return out;
}

const std::string kAnswer = "answer for 192.0.2.1 for a while";
const std::string kRemove = "remove 192.0.2.1/32 from lo";
const std::string kNoMore = "answer no more for 192.0.2.1";

struct House {
  bool comes(const std::function<bool()>& condition) {
    const auto end = Clock::now() + 10s;
    Timer tick(loop, [&] { loop.stop(); });
    while (!condition() && Clock::now() < end) {
      tick.start(1ms);
      loop.run();
    }
    return condition();
  }

  EventLoop loop;
  FakeTable table;
  FakeMonitor monitor;
  Notes notes;
  Reconciler reconciler{loop, table, monitor, notes, false};
};

}  // namespace

TEST_CASE("linger: what stands lingers once, however often that is said, and is withdrawn then") {
  Book book;
  book.says(Wish::linger, kNow + 1s);
  CHECK(book.wish(kNow + 1s) == Wish::linger);
  CHECK(book.next_end(kNow + 1s) == kNow + 3s);
  book.says(Wish::linger, kNow + 2s);
  CHECK(book.next_end(kNow + 2s) == kNow + 3s);
  CHECK(book.wish(kNow + 3s) == Wish::withdraw);
  book.says(Wish::linger, kNow + 4s);
  CHECK(book.wish(kNow + 4s) == Wish::withdraw);
  CHECK(book.next_end(kNow + 4s) == TimePoint::max());
}

TEST_CASE("linger: what does not stand, what is not to, and a route do not linger") {
  Book withdrawn;
  withdrawn.says(Wish::withdraw, kNow);
  withdrawn.says(Wish::linger, kNow);
  CHECK(withdrawn.wish(kNow) == Wish::withdraw);
  Book over;
  over.says(Wish::linger, kNow + 3s);
  CHECK(over.wish(kNow + 3s) == Wish::withdraw);
  Book off(kOne, 0s);
  off.says(Wish::linger, kNow);
  CHECK(off.wish(kNow) == Wish::withdraw);
  Book route({prefix("192.0.2.0/24"), "eth0", Advertisement::Kind::route});
  route.says(Wish::linger, kNow);
  CHECK(route.wish(kNow) == Wish::withdraw);
}

TEST_CASE("linger: a failure ends it, a prober that knows nothing does not, and another lease is whole") {
  Book failed;
  failed.says(Wish::linger, kNow);
  failed.says(Wish::withdraw, kNow + 1s);
  CHECK(failed.wish(kNow + 1s) == Wish::withdraw);
  Book started_anew;
  started_anew.says(Wish::linger, kNow);
  started_anew.let_run({true});
  started_anew.says(Wish::hold, kNow + 1s);
  CHECK(started_anew.wish(kNow + 1s) == Wish::linger);
  Book back(kOne, 60s);
  back.says(Wish::linger, kNow);
  back.says(Wish::announce, kNow + 1s);
  CHECK(back.wish(kNow + 1s) == Wish::announce);
  CHECK(back.next_end(kNow + 1s) == kNow + 4s);
}

TEST_CASE("linger: it needs somebody to end it, and a shorter one counts from the reload on") {
  Book book(kOne, 60s);
  CHECK_FALSE(book.needs_a_keeper(kNow));
  book.says(Wish::linger, kNow);
  CHECK(book.needs_a_keeper(kNow));
  CHECK(book.last_end(kNow) == kNow + 60s);
  book.configure({kOne}, {{3s, 5s}}, {}, kNow + 1s);
  CHECK(book.next_end(kNow + 1s) == kNow + 6s);
}

TEST_CASE("linger: the host answers for it before the address goes, and is done with when it is over") {
  auto plan = plan_of({{kOne, Wish::linger}}, host({there("192.0.2.1")}));
  CHECK(words(plan) == Words{kAnswer, kRemove});
  CHECK(std::get<AddLingering>(plan.changes[0].change).index == 1);
  CHECK(plan.changes[0].owner == 0);
  CHECK(plan.outlooks[0].state == AdvertisementState::lingering);
  plan = plan_of({{kOne, Wish::linger}}, host({}, {answering("192.0.2.1")}));
  CHECK(words(plan).empty());
  CHECK(plan.outlooks[0].state == AdvertisementState::lingering);
  plan = plan_of({{kOne, Wish::withdraw}}, host({}, {answering("192.0.2.1")}));
  CHECK(words(plan) == Words{kNoMore});
  CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
}

TEST_CASE("linger: what is announced again is answered for without a gap") {
  const auto plan = plan_of({{kOne, Wish::announce}}, host({}, {answering("192.0.2.1")}));
  CHECK(words(plan) == Words{"add 192.0.2.1/32 to lo", kNoMore});
  CHECK(plan.outlooks[0].state == AdvertisementState::announced);
}

TEST_CASE("linger: nothing is answered for that was not there, that is not ours, or that stands elsewhere") {
  auto plan = plan_of({{kOne, Wish::linger}}, host({}));
  CHECK(words(plan).empty());
  CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
  plan = plan_of({{kOne, Wish::linger}}, host({there("192.0.2.1", false)}));
  CHECK(words(plan).empty());
  CHECK(plan.outlooks[0].state == AdvertisementState::foreign);
  const Advertisement moved{prefix("192.0.2.1"), "eth0"};
  plan = plan_of({{moved, Wish::announce}}, host({there("192.0.2.1")}), {{kOne, true}});
  CHECK(words(plan) == Words{kRemove, "add 192.0.2.1/32 to eth0"});
}

TEST_CASE("linger: of what is configured no more, and of what an earlier run left") {
  CHECK(words(plan_of({}, host({there("192.0.2.1")}), {{kOne, true}})) == Words{kAnswer, kRemove});
  CHECK(words(plan_of({}, host({}, {answering("192.0.2.1")}), {{kOne, true}})).empty());
  CHECK(words(plan_of({}, host({}, {answering("192.0.2.1")}), {{kOne, false}})) == Words{kNoMore});
  CHECK(words(plan_of({{kOne, Wish::hold}}, host({}, {answering("192.0.2.1")}))) == Words{kNoMore});
  CHECK(words(plan_of({{kTwo, Wish::announce}}, host({}, {answering("192.0.2.1")}))) ==
        Words{"add 2001:db8::1/128 to lo"});  // it is another instance's
}

TEST_CASE("linger: a configured route of the same prefix is another thing") {
  const Advertisement route{prefix("192.0.2.1"), "eth0", Advertisement::Kind::route};
  const auto plan = plan_of({{route, Wish::withdraw}}, host({}, {answering("192.0.2.1")}));
  CHECK(words(plan).empty());
}

TEST_CASE("linger: what is configured no more lingers as was said of it, and is told when it is over") {
  House house;
  house.reconciler.configure({kOne, kTwo}, {20ms, 0ms});
  house.reconciler.want({{Wish::announce}, {Wish::announce}});
  house.table.take_done();
  house.notes.take();
  house.reconciler.configure({});
  CHECK(house.table.take_done() == Words{kAnswer, kRemove, "remove 2001:db8::1/128 from lo"});
  CHECK(house.notes.take() == Words{"192.0.2.1/32 lingering", "2001:db8::1/128 withdrawn"});
  CHECK_FALSE(house.reconciler.rid_of_gone());
  CHECK(house.comes([&] { return house.reconciler.rid_of_gone(); }));
  CHECK(house.table.take_done() == Words{kNoMore});
  CHECK(house.notes.take() == Words{"192.0.2.1/32 withdrawn"});
}

TEST_CASE("linger: whoever leaves waits for nothing that is configured no more") {
  House house;
  house.reconciler.configure({kOne}, {1h});
  house.reconciler.want({{Wish::announce}});
  house.reconciler.configure({});
  house.table.take_done();
  house.reconciler.end_lingering();
  house.reconciler.compare();
  CHECK(house.table.take_done() == Words{kNoMore});
  CHECK(house.reconciler.rid_of_gone());
}

TEST_CASE("linger: configured again meanwhile, it is as any other") {
  House house;
  house.reconciler.configure({kOne}, {1h});
  house.reconciler.want({{Wish::announce}});
  house.reconciler.configure({});
  house.table.take_done();
  house.reconciler.configure({kOne}, {1h});
  house.reconciler.want({{Wish::announce}});
  CHECK(house.table.take_done() == Words{kNoMore, "add 192.0.2.1/32 to lo"});
}

TEST_CASE("linger: what IPv6 needs for it is told once") {
  House house;
  house.table.there.ipv6_lingers = false;
  house.reconciler.configure({kTwo}, {1h});
  house.reconciler.want({{Wish::announce}});
  house.notes.take();
  for (int i = 0; i < 2; ++i) house.reconciler.want({{Wish::linger, Clock::now() + 1h}});
  const auto told = house.notes.take();
  REQUIRE(told.size() == 2);
  CHECK(told[0].find("net.ipv6.ip_nonlocal_bind=1") != std::string::npos);
  CHECK(told[1] == "2001:db8::1/128 lingering");
}

TEST_CASE("linger: routes that are ours are looked for only while there may be some") {
  House house;
  house.reconciler.configure({kOne}, {1h});
  CHECK(house.table.scopes.back().lingering);  // an earlier run may have left some
  house.reconciler.want({{Wish::announce}});
  CHECK_FALSE(house.table.scopes.back().lingering);
  house.reconciler.want({{Wish::linger, Clock::now() + 1h}});
  CHECK(house.table.scopes.back().lingering);
  house.reconciler.want({{Wish::withdraw}});
  CHECK(house.table.scopes.back().lingering);
  house.reconciler.compare();
  CHECK_FALSE(house.table.scopes.back().lingering);
}
