#include "core/schedule.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace anyprobe;
using namespace std::chrono_literals;

TEST_CASE("the first of all asks at once") {
  Schedule schedule({1s, 250ms}, 1);
  CHECK(schedule.first(TimePoint{10s}, 0) == TimePoint{10s});
}

TEST_CASE("a thousand services that start together do not ask in the same millisecond") {
  std::map<std::int64_t, int> in_millisecond;
  for (std::size_t i = 0; i < 1000; ++i) {
    Schedule schedule({1s, 250ms}, 1);
    const auto due = schedule.first(TimePoint{10s}, i, 1000) - TimePoint{10s};
    CHECK(due <= 1s);
    ++in_millisecond[std::chrono::duration_cast<std::chrono::milliseconds>(due).count()];
  }
  for (const auto& [millisecond, services] : in_millisecond) CHECK(services <= 2);
}

TEST_CASE("ten thousand that start together are spread over the interval") {
  std::map<std::int64_t, int> in_ten_milliseconds;
  for (std::size_t i = 0; i < 10'000; ++i) {
    Schedule schedule({1s, 250ms}, 1);
    ++in_ten_milliseconds[(schedule.first(TimePoint{10s}, i, 10'000) - TimePoint{10s}) / 10ms];
  }
  CHECK(in_ten_milliseconds.size() == 100);
  for (const auto& [step, services] : in_ten_milliseconds) CHECK(services <= 101);
}

TEST_CASE("services that asked at the same instant drift apart, in steps that they share") {
  std::set<Duration> seen;
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    Schedule schedule({1s, 250ms}, seed);
    const auto next = schedule.next(TimePoint{10s}, TimePoint{10s}, false) - TimePoint{10s};
    CHECK(next >= 950ms);
    CHECK(next <= 1050ms);
    CHECK(next % 10ms == 0ms);
    seen.insert(next);
  }
  CHECK(seen.size() >= 7);
}

TEST_CASE("the interval counts from when the attempt was due, not from its end") {
  Schedule schedule({1s, 250ms}, 1);
  CHECK(schedule.next(TimePoint{10s}, TimePoint{10s} + 700ms, false) < TimePoint{10s} + 1051ms);
}

TEST_CASE("in doubt it asks sooner") {
  Schedule schedule({1s, 250ms}, 1);
  const auto next = schedule.next(TimePoint{10s}, TimePoint{10s}, true) - TimePoint{10s};
  CHECK(next >= 237ms);
  CHECK(next <= 263ms);
}

TEST_CASE(
    "an attempt that took longer than the interval is followed at once, and what was missed is not made up") {
  Schedule schedule({1s, 250ms}, 1);
  CHECK(schedule.next(TimePoint{10s}, TimePoint{60s}, false) == TimePoint{60s});
}
