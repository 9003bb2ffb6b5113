// The status that is taken little by little.
#include "core/status_round.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "turning.hpp"

using namespace anyprobe;

namespace {

struct Told {
  std::size_t count = 0;
  std::size_t most = 0;
  std::optional<InstanceStatus> other{};

  StatusRound::Source source() {
    return {.some =
                [this](std::size_t first, std::size_t many) {
                  InstanceStatus out;
                  out.name = "anyprobe";
                  if (first == 0) out.problems.emplace_back("of the whole");
                  for (std::size_t i = first; i < std::min(first + many, count); ++i) {
                    out.services.emplace_back().name = "s" + std::to_string(i);
                    if (i % 1000 == 999) out.problems.push_back("of s" + std::to_string(i));
                  }
                  most = std::max(most, out.services.size());
                  return out;
                },
            .beside = [this] { return other; }};
  }
};

void check_whole(const std::vector<InstanceStatus>& all, std::size_t count) {
  REQUIRE_FALSE(all.empty());
  REQUIRE(all.front().services.size() == count);
  std::size_t right = 0;
  for (std::size_t i = 0; i < count; ++i)
    right += all.front().services[i].name == "s" + std::to_string(i) ? 1 : 0;
  CHECK(right == count);
  CHECK(all.front().problems.size() == 1 + count / 1000);
}

}  // namespace

TEST_CASE("status round: few services are taken at once") {
  EventLoop loop;
  Told told{.count = 12};
  int times = 0;
  StatusRound round(loop, told.source(), [&] { ++times; });
  round.begin();
  CHECK(times == 1);
  check_whole(round.take(), 12);
  CHECK_FALSE(round.has_taken());
}

TEST_CASE("status round: many are taken little by little, and others beside") {
  EventLoop loop;
  Told told{.count = 2500};
  told.other.emplace().name = "anyprobe-modules";
  int times = 0;
  StatusRound round(loop, told.source(), [&] { ++times; });
  round.begin();
  round.begin();  // which is under way
  CHECK(times == 0);
  CHECK(turn_until(loop, [&] { return times > 0; }));
  CHECK(times == 1);
  CHECK(told.most < 600);
  const auto all = round.take();
  check_whole(all, 2500);
  REQUIRE(all.size() == 2);
  CHECK(all[1].name == "anyprobe-modules");
}

TEST_CASE("status round: services that are replaced meanwhile are taken as they are now") {
  EventLoop loop;
  Told told{.count = 2500};
  bool taken = false;
  StatusRound round(loop, told.source(), [&] { taken = true; });
  round.begin();
  told.count = 1300;
  round.begin_anew();
  CHECK(turn_until(loop, [&] { return taken; }));
  check_whole(round.take(), 1300);
}

TEST_CASE("status round: who does not wait has all of it") {
  EventLoop loop;
  Told told{.count = 1300};
  StatusRound round(loop, told.source(), [] {});
  round.begin();
  check_whole(round.take(), 1300);
}
