#include "core/health.hpp"

#include <doctest/doctest.h>

#include "core/damping.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

// A service and a clock that moves only when told to.
struct Patient {
  explicit Patient(
      HealthPolicy policy = {.rise = 2, .fall = 3, .hold_down = {}, .stale_after = 10s, .damping = {}},
      bool held = false)
      : health(policy, now, held) {}

  std::optional<HealthEvent> hears(Verdict verdict, std::string_view reason = "some reason") {
    now += 1s;
    return health.observe({verdict, Evidence::soft, reason, "some detail"}, now);
  }
  std::optional<HealthEvent> passes() { return hears(Verdict::pass); }
  std::optional<HealthEvent> fails(std::string_view reason = "timeout") {
    return hears(Verdict::fail, reason);
  }
  std::optional<HealthEvent> waits(Duration time) {
    now += time;
    return health.tick(now);
  }
  void comes_up() {
    while (health.state() != HealthState::up) passes();
  }
  void goes_down() {
    while (health.state() != HealthState::down) fails();
  }

  TimePoint now{1000s};
  Health health;
};

}  // namespace

TEST_CASE("a service starts unknown, which is not up") {
  Patient p;
  CHECK(p.health.state() == HealthState::unknown);
  CHECK(p.health.in_doubt());
}

TEST_CASE("one good answer is not enough, two are") {
  Patient p;
  CHECK_FALSE(p.passes());
  CHECK(p.health.state() == HealthState::unknown);
  const auto event = p.passes();
  REQUIRE(event);
  CHECK(event->kind == HealthEvent::Kind::changed);
  CHECK(event->from == HealthState::unknown);
  CHECK(event->to == HealthState::up);
  CHECK(p.health.state() == HealthState::up);
}

TEST_CASE("two bad answers are not enough, three are") {
  Patient p;
  p.comes_up();
  CHECK_FALSE(p.fails());
  CHECK_FALSE(p.fails());
  CHECK(p.health.state() == HealthState::up);
  const auto event = p.fails("refused");
  REQUIRE(event);
  CHECK(event->to == HealthState::down);
  CHECK(event->reason == "refused");
  CHECK(event->detail == "some detail");
  CHECK(event->lasted == 3s);
}

TEST_CASE("a good answer in between forgives the bad ones") {
  Patient p;
  p.comes_up();
  p.fails();
  p.fails();
  p.passes();
  CHECK_FALSE(p.fails());
  CHECK_FALSE(p.fails());
  CHECK(p.health.state() == HealthState::up);
}

TEST_CASE("a bad answer in between takes the good ones back") {
  Patient p;
  p.goes_down();
  p.passes();
  p.fails();
  CHECK_FALSE(p.passes());
  CHECK(p.passes());
}

TEST_CASE("an unknown service that fails goes down, so that it is said why") {
  Patient p;
  p.fails();
  p.fails();
  const auto event = p.fails();
  REQUIRE(event);
  CHECK(event->from == HealthState::unknown);
  CHECK(event->to == HealthState::down);
}

TEST_CASE("what is no verdict moves no counter") {
  Patient p;
  p.comes_up();
  p.fails();
  p.fails();
  CHECK_FALSE(p.hears(Verdict::local_error));
  CHECK(p.health.state() == HealthState::up);
  CHECK(p.fails());

  Patient q;
  q.passes();
  q.hears(Verdict::local_error);
  CHECK(q.passes());
}

TEST_CASE("no verdict for long enough is down") {
  Patient p;
  p.comes_up();
  CHECK(p.health.next_tick() == p.now + 10s);
  CHECK_FALSE(p.waits(9s));
  const auto event = p.waits(1s);
  REQUIRE(event);
  CHECK(event->to == HealthState::down);
  CHECK(event->reason == "stale");
  CHECK_FALSE(p.waits(100s));
}

TEST_CASE("verdicts that we could not ask for do not keep it fresh") {
  Patient p;
  p.comes_up();
  for (int i = 0; i < 9; ++i) CHECK_FALSE(p.hears(Verdict::local_error));
  const auto event = p.hears(Verdict::local_error);
  REQUIRE(event);
  CHECK(event->reason == "stale");
}

TEST_CASE("it is in doubt while the last answer differs from the state") {
  Patient p;
  p.comes_up();
  CHECK_FALSE(p.health.in_doubt());
  p.fails();
  CHECK(p.health.in_doubt());
  p.passes();
  CHECK_FALSE(p.health.in_doubt());
  p.goes_down();
  CHECK_FALSE(p.health.in_doubt());
  p.passes();
  CHECK(p.health.in_doubt());
}

TEST_CASE("hold_down: it is not up before its time, and then without another answer") {
  Patient p({.rise = 2, .fall = 1, .hold_down = 30s, .stale_after = 10s, .damping = {}});
  p.comes_up();
  p.goes_down();
  const auto down = p.now;
  p.passes();
  const auto held = p.passes();
  REQUIRE(held);
  CHECK(held->kind == HealthEvent::Kind::held);
  CHECK(held->held_by == "hold_down");
  CHECK(held->held_for == 28s);
  CHECK(p.health.state() == HealthState::down);
  CHECK(p.health.next_tick() == down + 30s);
  CHECK_FALSE(p.health.in_doubt());
  while (p.now + 1s < down + 30s) CHECK_FALSE(p.passes());  // told once
  p.now = down + 30s;
  const auto event = p.health.tick(p.now);
  REQUIRE(event);
  CHECK(event->to == HealthState::up);
}

TEST_CASE("hold_down: a bad answer while it is held means starting again") {
  Patient p({.rise = 2, .fall = 1, .hold_down = 30s, .stale_after = 10s, .damping = {}});
  p.comes_up();
  p.goes_down();
  p.passes();
  p.passes();
  p.fails();
  CHECK_FALSE(p.waits(60s));
  CHECK(p.health.state() == HealthState::down);
}

TEST_CASE("hold_down: one that was heard no more while it was held is not up when its time is over") {
  Patient p({.rise = 2, .fall = 1, .hold_down = 30s, .stale_after = 10s, .damping = {}});
  p.comes_up();
  p.goes_down();
  p.passes();
  p.passes();
  CHECK_FALSE(p.waits(30s));
  CHECK(p.health.state() == HealthState::down);
  CHECK_FALSE(p.passes());
  CHECK(p.passes());
}

TEST_CASE("hold_down does not hold the first announcement after a start") {
  Patient p({.rise = 1, .fall = 1, .hold_down = 30s, .stale_after = 10s, .damping = {}});
  p.goes_down();
  CHECK(p.passes());
  CHECK(p.health.state() == HealthState::up);
}

TEST_CASE("held: the first verdict decides, either way") {
  const HealthPolicy slow{.rise = 5, .fall = 7, .hold_down = {}, .stale_after = 10s, .damping = {}};
  Patient well(slow, true);
  CHECK(well.health.state() == HealthState::unknown);
  const auto up = well.passes();
  REQUIRE(up);
  CHECK(up->from == HealthState::unknown);
  CHECK(up->to == HealthState::up);
  for (int i = 0; i < 6; ++i) CHECK_FALSE(well.fails());  // and no other does
  CHECK(well.fails());

  Patient ill(slow, true);
  const auto down = ill.fails("refused");
  REQUIRE(down);
  CHECK(down->to == HealthState::down);
  CHECK(down->reason == "refused");
  for (int i = 0; i < 4; ++i) CHECK_FALSE(ill.passes());
  CHECK(ill.passes());
}

TEST_CASE("held: that we could not ask decides nothing, nor does it let the next verdict off") {
  Patient p({.rise = 5, .fall = 7, .hold_down = {}, .stale_after = 10s, .damping = {}}, true);
  CHECK_FALSE(p.hears(Verdict::local_error));
  CHECK_FALSE(p.hears(Verdict::local_error));
  CHECK(p.health.state() == HealthState::unknown);
  CHECK(p.passes());
  CHECK(p.health.state() == HealthState::up);
}

TEST_CASE("held: without a verdict it is down when that is stale, and then begins like any other") {
  Patient p({.rise = 2, .fall = 3, .hold_down = {}, .stale_after = 10s, .damping = {}}, true);
  CHECK(p.health.next_tick() == p.now + 10s);
  CHECK_FALSE(p.waits(9s));
  const auto event = p.waits(1s);
  REQUIRE(event);
  CHECK(event->to == HealthState::down);
  CHECK(event->reason == "stale");
  CHECK_FALSE(p.passes());
  CHECK(p.passes());
}

TEST_CASE("held: hold_down counts from the verdict that brought it down, since it was up before") {
  Patient p({.rise = 1, .fall = 3, .hold_down = 30s, .stale_after = 10s, .damping = {}}, true);
  p.fails();
  const auto down = p.now;
  const auto held = p.passes();
  REQUIRE(held);
  CHECK(held->held_by == "hold_down");
  CHECK(p.health.next_tick() == down + 30s);
  CHECK(p.health.state() == HealthState::down);

  Patient up({.rise = 3, .fall = 3, .hold_down = 30s, .stale_after = 10s, .damping = {}}, true);
  CHECK(up.passes());
  CHECK(up.health.state() == HealthState::up);
}

TEST_CASE("a changed policy keeps the state") {
  Patient p;
  p.comes_up();
  p.fails();
  p.health.set_policy({.rise = 1, .fall = 2, .hold_down = {}, .stale_after = 10s, .damping = {}});
  CHECK(p.health.state() == HealthState::up);
  CHECK(p.fails());
}

TEST_CASE("damping: a penalty halves in each half-life") {
  Damping damping({});
  TimePoint now{1000s};
  damping.flap(now);
  CHECK(damping.penalty(now) == doctest::Approx(1000));
  CHECK(damping.penalty(now + 15min) == doctest::Approx(500));
  CHECK(damping.penalty(now + 30min) == doctest::Approx(250));
}

TEST_CASE("damping: one flap is free, the third in a row suppresses, decay below reuse lets go") {
  Damping damping({});
  TimePoint now{1000s};
  damping.flap(now);
  CHECK_FALSE(damping.suppressed(now));
  damping.flap(now);
  CHECK_FALSE(damping.suppressed(now));  // 2000 is not above 2000
  damping.flap(now);
  CHECK(damping.suppressed(now));
  CHECK(damping.reuse_at() == now + 30min);  // 3000 to 750: two half-lives
  CHECK(damping.suppressed(now + 30min - 1s));
  CHECK_FALSE(damping.suppressed(now + 30min));
}

TEST_CASE("damping: held back for longer each time, but never for longer than the maximum") {
  Damping damping({});
  TimePoint now{1000s};
  Duration before{};
  for (int flap = 0; flap < 100; ++flap) {
    damping.flap(now);
    if (!damping.suppressed(now)) continue;
    CHECK(damping.reuse_at() - now >= before);
    before = damping.reuse_at() - now;
    CHECK(before <= 60min + 1ms);
  }
  CHECK(before >= 60min - 1s);
}

TEST_CASE("damping: an address that flaps is held back, says so, and comes back by itself") {
  HealthPolicy policy{.rise = 1, .fall = 1, .hold_down = {}, .stale_after = 24h, .damping = DampingPolicy{}};
  Patient p(policy);
  for (int i = 0; i < 3; ++i) {
    p.comes_up();
    p.goes_down();
  }
  const auto held = p.passes();
  REQUIRE(held);
  CHECK(held->kind == HealthEvent::Kind::held);
  CHECK(held->held_by == "damping");
  CHECK(held->suppressed);
  CHECK(held->penalty > 2900);
  CHECK(p.health.state() == HealthState::down);
  const auto again = p.health.next_tick();
  CHECK(again > p.now + 29min);
  p.now = again;
  const auto event = p.health.tick(p.now);
  REQUIRE(event);
  CHECK(event->to == HealthState::up);
}

TEST_CASE("without damping an address may flap as it likes") {
  Patient p({.rise = 1, .fall = 1, .hold_down = {}, .stale_after = 24h, .damping = {}});
  for (int i = 0; i < 50; ++i) {
    CHECK(p.passes());
    CHECK(p.fails());
  }
}

TEST_CASE("asked afresh, one that was up is unknown until it answers well often enough") {
  Patient p;
  p.comes_up();
  p.now += 1s;
  p.health.start_over(p.now);
  CHECK(p.health.state() == HealthState::unknown);
  CHECK(p.health.since() == p.now);
  CHECK(p.health.in_doubt());
  CHECK_FALSE(p.passes());
  const auto event = p.passes();
  REQUIRE(event);
  CHECK(event->from == HealthState::unknown);
  CHECK(event->to == HealthState::up);
}

TEST_CASE("asked afresh, one that is down is so and held down, and good answers from before do not count") {
  Patient p({.rise = 2, .fall = 1, .hold_down = 60s, .stale_after = 10s, .damping = {}});
  p.comes_up();
  p.goes_down();
  p.passes();
  p.health.start_over(p.now);
  CHECK(p.health.state() == HealthState::down);
  CHECK_FALSE(p.passes());
  const auto event = p.passes();
  REQUIRE(event);
  CHECK(event->held_by == "hold_down");
}

TEST_CASE("asked afresh, damping forgets nothing") {
  Patient p({.rise = 1, .fall = 1, .hold_down = {}, .stale_after = 10s, .damping = DampingPolicy{}});
  for (int i = 0; i < 3; ++i) {
    p.comes_up();
    p.goes_down();
    p.health.start_over(p.now);
  }
  const auto event = p.passes();
  REQUIRE(event);
  CHECK(event->held_by == "damping");
}
