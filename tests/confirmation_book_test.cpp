#include "routing/confirmation_book.hpp"

#include <doctest/doctest.h>

#include "fake_table.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using State = AdvertisementState;

namespace {

constexpr Neighbours kWell{1, 0, 0};
constexpr Neighbours kOwes{1, 0, 1};
constexpr Neighbours kNobody{0, 0, 0};
constexpr Neighbours kForming{0, 1, 0};

struct Story {
  void see(State state) { book.see({{0, what, state}}, now); }
  void told(bool ours, const Neighbours& neighbours = kWell, unsigned others = 0) {
    tell({ours, others}, neighbours);
  }
  void tell(const Finding& found, const Neighbours& neighbours = kWell) {
    book.take(what, found, neighbours, now, now);
  }
  [[nodiscard]] std::optional<bool> confirmed() const { return book.of(what, now).confirmed; }
  Duration wait() { return book.next() - now; }

  TimePoint now{1000s};
  Advertisement what = on_lo("192.0.2.1/32");
  std::vector<std::string> said;
  ConfirmationBook book{
      [this](LogLevel, const std::string& text, const Advertisement&) { said.push_back(text); }};
};

}  // namespace

TEST_CASE("confirmation: it is told once it is there and all have acknowledged it") {
  Story story;
  story.see(State::withdrawn);
  CHECK(story.confirmed() == std::nullopt);
  CHECK(story.wait() == 0s);
  story.told(false);
  CHECK(story.confirmed() == true);
  CHECK(story.wait() == 10s);
  story.now += 1s;
  story.see(State::announced);
  CHECK(story.confirmed() == false);  // although the daemon has not been asked yet
  CHECK(story.wait() == 100ms);
  story.now += 100ms;
  story.told(false);
  CHECK(story.confirmed() == false);
  CHECK(story.wait() == 100ms);
  story.now += 100ms;
  story.told(true, kOwes, 2);
  CHECK(story.confirmed() == false);
  CHECK(story.book.of(story.what, story.now).others == 2U);
  CHECK(story.wait() == 200ms);
  story.told(true);
  CHECK(story.confirmed() == true);
  // What others owe later is no matter.
  story.told(true, kOwes);
  CHECK(story.confirmed() == true);
  CHECK(story.said.empty());
}

TEST_CASE(
    "confirmation: a withdrawal is confirmed where nobody is left to hear of it, an announcement is not") {
  Story story;
  story.see(State::lingering);
  story.told(false, kForming);
  CHECK(story.confirmed() == false);
  story.told(false, kNobody);
  CHECK(story.confirmed() == true);
  story.see(State::withdrawn);
  CHECK(story.confirmed() == true);
  story.now += 1s;
  story.see(State::announced);
  story.now += 1s;
  story.told(true, kNobody);
  CHECK(story.confirmed() == false);
}

TEST_CASE("confirmation: what was asked before a change says nothing of it") {
  Story story;
  story.see(State::announced);
  const auto asked = story.now;
  story.now += 1s;
  story.see(State::withdrawn);
  story.book.take(story.what, {false, 0}, kWell, asked, story.now);
  CHECK(story.confirmed() == std::nullopt);
  CHECK(story.wait() == 100ms);
}

TEST_CASE("confirmation: the log says once that it is not, why, and when it is at last") {
  Story story;
  story.see(State::announced);
  story.told(false);
  story.now += 4900ms;
  story.told(false);
  CHECK(story.said.empty());
  story.now += 100ms;
  story.told(false);
  story.told(false);
  REQUIRE(story.said.size() == 1);
  CHECK(
      story.said[0] ==
      "the announcement of 192.0.2.1/32 on lo is not confirmed after 5.0 s: ospfd does not announce it: its "
      "redistribution is missing, or a filter drops it");
  story.now += 1s;
  story.told(true);
  REQUIRE(story.said.size() == 2);
  CHECK(story.said[1] == "the announcement of 192.0.2.1/32 on lo is confirmed after 6.0 s");
  // It goes although it is wanted: that is another thing to say.
  story.now += 1h;
  story.told(false);
  CHECK(story.confirmed() == false);
  CHECK(story.said.size() == 2);
  CHECK(story.wait() == 100ms);
  story.now += 5s;
  story.told(false);
  CHECK(story.said.size() == 3);
}

TEST_CASE("confirmation: each cause has its words") {
  const auto said = [](State state, bool ours, const Neighbours& neighbours) {
    Story story;
    story.see(state);
    story.now += 5s;
    story.told(ours, neighbours);
    REQUIRE(story.said.size() == 1);
    return story.said[0].substr(story.said[0].find(" s: ") + 4);
  };
  CHECK(said(State::announced, true, kNobody) == "ospfd has no adjacency");
  CHECK(said(State::announced, true, kOwes) == "a neighbour of ospfd has not acknowledged it");
  CHECK(said(State::withdrawn, false, kOwes) == "a neighbour of ospfd has not acknowledged it");
  CHECK(said(State::withdrawn, true, kWell).starts_with("ospfd still announces it"));
  Story story;
  story.see(State::announced);
  story.now += 5s;
  story.tell({.ours = false, .others = 0, .kept = true});
  REQUIRE(story.said.size() == 1);
  CHECK(story.said[0].ends_with(": ospfd has it but tells nobody: a stub area takes no external LSA"));
}

TEST_CASE("confirmation: what cannot be told is null") {
  Story story;
  story.see(State::announced);
  story.told(true);
  story.book.lose(Family::ipv6, story.now);
  CHECK(story.confirmed() == true);
  story.book.lose(Family::ipv4, story.now);
  CHECK(story.confirmed() == std::nullopt);
  story.told(true, kWell, 3);
  CHECK(story.confirmed() == true);
  story.now += 46s;  // nothing newer came
  CHECK(story.book.of(story.what, story.now) == Confirmation{});

  story.see(State::foreign);
  story.told(true, kWell, 1);
  CHECK(story.book.of(story.what, story.now) == Confirmation{std::nullopt, 1});
  CHECK(story.book.of(on_lo("192.0.2.9/32"), story.now) == Confirmation{});

  auto other = on_lo("192.0.2.2/32");
  other.kind = Advertisement::Kind::route;
  other.table = 100;
  story.book.see({{0, Advertisement::link("dummy0"), State::announced}, {1, other, State::announced}},
                 story.now);
  CHECK(story.book.next() == TimePoint::max());
}

TEST_CASE("confirmation: what stays is known further in whatever order it comes") {
  Story story;
  const auto seen = [](std::uint32_t index, const char* prefix) {
    return OwnAdvertisement{index, on_lo(prefix), State::announced};
  };
  story.book.see({seen(0, "192.0.2.3/32"), seen(1, "192.0.2.1/32"), seen(2, "192.0.2.2/32")}, story.now);
  story.book.take(on_lo("192.0.2.1/32"), {true, 1}, kWell, story.now, story.now);
  story.book.take(on_lo("192.0.2.2/32"), {true, 2}, kWell, story.now, story.now);
  story.book.see({seen(0, "192.0.2.2/32"), seen(1, "192.0.2.4/32"), seen(2, "192.0.2.1/32")}, story.now);
  CHECK(story.book.of(on_lo("192.0.2.1/32"), story.now).others == 1U);
  CHECK(story.book.of(on_lo("192.0.2.2/32"), story.now).others == 2U);
  CHECK(story.book.of(on_lo("192.0.2.2/32"), story.now).confirmed == true);
  CHECK(story.book.of(on_lo("192.0.2.3/32"), story.now).others == std::nullopt);
  const auto due = story.book.due(Family::ipv4, story.now, 9);
  REQUIRE(due.size() == 1);
  CHECK(due[0].index == 1);
  CHECK(due[0].what == on_lo("192.0.2.4/32"));
}

TEST_CASE("confirmation: of many, those that have waited longest are asked for first") {
  Story story;
  std::vector<OwnAdvertisement> all;
  for (std::uint32_t i = 0; i < 5; ++i)
    all.push_back({i, on_lo(("192.0.2." + std::to_string(i) + "/32").c_str()), State::withdrawn});
  all.push_back({5, on_lo("2001:db8::1/128"), State::withdrawn});
  story.book.see(all, story.now);
  story.book.take(all[1].what, {false, 0}, kWell, story.now, story.now);
  const auto due = story.book.due(Family::ipv4, story.now, 3);
  REQUIRE(due.size() == 3);
  CHECK(due[0].index == 0);
  CHECK(due[1].index == 2);
  CHECK(story.book.due(Family::ipv6, story.now, 3).size() == 1);
  CHECK(story.book.due(Family::ipv4, story.now, 9).size() == 4);
}

TEST_CASE(
    "confirmation: what somebody waits for is asked for again and again, and seen as it was when asked") {
  Story story;
  CHECK_FALSE(story.book.sighting_of(story.what));
  story.see(State::announced);
  story.book.take(story.what, {true, 2, 1}, kWell, story.now, story.now + 1s);
  CHECK(story.book.sighting_of(story.what) == Sighting{story.now, true, true, 2, 1});
  story.now += 1s;
  CHECK(story.wait() == 10s);
  story.book.watch({story.what, on_lo("192.0.2.9/32")}, story.now);
  CHECK(story.wait() == 0s);
  story.told(true, kOwes, 1);
  CHECK(story.wait() == 300ms);
  CHECK(story.book.sighting_of(story.what) == Sighting{story.now, true, true, 1, 0});
  story.book.watch({}, story.now);
  story.told(true);
  CHECK(story.wait() == 10s);
  story.book.lose(Family::ipv4, story.now);
  CHECK_FALSE(story.book.sighting_of(story.what));
}

TEST_CASE("confirmation: who announces it is told as long as it is known") {
  Story story;
  const auto ip = [](const char* text) { return IpAddress::parse(text).value(); };
  const auto told = [&] { return story.book.announcers_of(story.what, story.now); };
  const auto take = [&](const Finding& found) {
    story.book.take(story.what, found, kWell, story.now, story.now, ip("192.0.2.102"));
  };
  story.see(State::announced);
  CHECK_FALSE(told());
  take({true, 1, 1, false, {ip("192.0.2.101"), ip("192.0.2.102")}});
  CHECK(told() == Announcers{{"192.0.2.101", false}, {"192.0.2.102", true}});
  take({false, 0});
  CHECK(told() == Announcers{});
  take({false, 1, 1});  // by a border
  CHECK_FALSE(told());
  take({true, 0, 0, false, {ip("192.0.2.102")}});
  CHECK(told() == Announcers{{"192.0.2.102", true}});
  story.now += 60s;
  CHECK_FALSE(told());
  take({true, 0, 0, false, {ip("192.0.2.102")}});
  story.book.lose(Family::ipv4, story.now);
  CHECK_FALSE(told());
}
