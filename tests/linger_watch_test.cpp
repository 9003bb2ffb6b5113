#include "core/linger_watch.hpp"

#include <doctest/doctest.h>

#include "fake_table.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using State = AdvertisementState;

namespace {

constexpr TimePoint kNow{1000s};
const Advertisement kOne = on_lo("192.0.2.1");

struct Story {
  Story() { watch.see(kOne, State::lingering, kNow); }
  [[nodiscard]] bool over(Duration after, const std::optional<Sighting>& told) {
    return watch.is_over(kOne, told, kNow + after);
  }
  static Sighting told(Duration asked, bool ours) { return {kNow + asked, ours, false, 0, 0}; }

  LingerWatch watch;
};

}  // namespace

TEST_CASE("linger watch: a second beyond the first that is asked since and shows it withdrawn") {
  Story story;
  CHECK_FALSE(story.over(100ms, Story::told(50ms, true)));
  CHECK_FALSE(story.over(200ms, Story::told(150ms, false)));
  CHECK_FALSE(story.over(1199ms, Story::told(1s, false)));
  CHECK(story.over(1200ms, Story::told(1s, false)));
}

TEST_CASE("linger watch: what was told of the time before says nothing") {
  Story story;
  CHECK_FALSE(story.over(3s, Story::told(-1ms, false)));
  CHECK_FALSE(story.over(5s, Story::told(4s, true)));
}

TEST_CASE("linger watch: where nothing can be told it is two seconds, from the first that it lingered") {
  Story story;
  CHECK_FALSE(story.over(1999ms, std::nullopt));
  story.watch.see(kOne, State::lingering, kNow + 1s);
  CHECK(story.over(2s, std::nullopt));
}

TEST_CASE("linger watch: what lingers no more, or never did, is none of its business") {
  Story story;
  CHECK(story.watch.any());
  story.watch.see(kOne, State::announced, kNow + 1s);
  CHECK_FALSE(story.watch.any());
  CHECK_FALSE(story.over(20s, std::nullopt));
  story.watch.see(kOne, State::lingering, kNow + 20s);
  CHECK_FALSE(story.over(21s, std::nullopt));
}
