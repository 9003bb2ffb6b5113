#include "core/history.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

// Some hundredths are rounded away.
bool close(Duration is, Duration wanted) {
  return std::abs((is - wanted).count()) <= wanted.count() / 100 + Duration(1ms).count();
}

}  // namespace

TEST_CASE("history: the last 32 answers are there, the oldest first") {
  History history;
  CHECK(history.answers().empty());
  const TimePoint begin(1000s);
  for (int i = 0; i < 40; ++i) {
    history.add(begin + i * 1003ms, i % 2 == 0 ? Verdict::pass : Verdict::fail, i % 2 == 0 ? "ok" : "timeout",
                i % 2 == 0 ? Duration(1234us) : Duration(800ms));
  }
  const auto all = history.answers();
  REQUIRE(all.size() == 32);
  for (int i = 0; i < 32; ++i) {
    const auto& one = all[static_cast<std::size_t>(i)];
    CAPTURE(i);
    const bool even = i % 2 == 0;
    CHECK(one.verdict == (even ? Verdict::pass : Verdict::fail));
    CHECK(one.reason == (even ? "ok" : "timeout"));
    CHECK(close(one.took, even ? Duration(1234us) : Duration(800ms)));
    // What is rounded away does not add up.
    CHECK(close(one.at - begin, (i + 8) * 1003ms));
    CHECK(std::abs((one.at - begin - (i + 8) * 1003ms).count()) <= Duration(11ms).count());
  }
  CHECK(history.answers(3).size() == 3);
  CHECK(history.answers(3).back().at == all.back().at);
  CHECK(history.answers(3).front().at == all[29].at);
}

TEST_CASE("history: what takes no time, and what takes very long") {
  History history;
  const TimePoint begin(1000s);
  history.add(begin, Verdict::pass, "ok", 0ns);
  history.add(begin, Verdict::local_error, "no_route", -1ns);
  history.add(begin + 60s, Verdict::pass, "ok", 90s);
  history.add(begin + 48h, Verdict::pass, "ok", std::chrono::hours(24 * 365));
  history.add(begin + 48h + 250ms, Verdict::pass, "ok", 255us);
  const auto all = history.answers();
  REQUIRE(all.size() == 5);
  CHECK(all[0].took == 0ns);
  CHECK(all[1].took == 0ns);
  CHECK(all[1].verdict == Verdict::local_error);
  CHECK(close(all[2].took, 90s));
  CHECK(all[3].took > std::chrono::hours(24));
  CHECK(all[4].took == 255us);
  CHECK(all[4].at == begin + 48h + 250ms);
  CHECK(all[3].at == begin + 48h);
  // Before the long pause it is told as less long ago than it was.
  CHECK(all[2].at < all[3].at - 1h);
}

TEST_CASE("history: of reasons beyond what there is room for, nothing else is said") {
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i) names.push_back("reason_" + std::to_string(i));
  Reasons reasons;
  CHECK(reasons.at(reasons.place_of(names[3])) == "reason_3");
  for (const auto& name : names) reasons.place_of(name);
  CHECK(reasons.at(reasons.place_of(names[3])) == "reason_3");
  CHECK(reasons.at(reasons.place_of(names[126])) == "reason_126");
  CHECK(reasons.at(reasons.place_of(names[199])) == "other");
}

TEST_CASE("history: the last 16 changes, each with what was said") {
  History history;
  CHECK(history.transitions().empty());
  for (int i = 0; i < 20; ++i) {
    history.add(TimePoint(std::chrono::seconds(i)), i % 2 == 0 ? HealthState::up : HealthState::down,
                "refused", std::string(500, 'x'));
  }
  const auto all = history.transitions();
  REQUIRE(all.size() == 16);
  CHECK(all.front().at == TimePoint(4s));
  CHECK(all.front().to == HealthState::up);
  CHECK(all.back().at == TimePoint(19s));
  CHECK(all.back().to == HealthState::down);
  CHECK(all.back().reason == "refused");
  CHECK(all.back().detail.size() == 160);
  CHECK(history.transitions(2).front().at == TimePoint(18s));
}

TEST_CASE("history: it is small") {
  CHECK(sizeof(History) <= 176);
}
