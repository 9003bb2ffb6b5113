#include <doctest/doctest.h>

#include "core/last_instance.hpp"

using namespace anyprobe;

namespace {

constexpr LastInstancePolicy kOne{.min_peers = 1};
constexpr LastInstancePolicy kOneUnlessDead{.min_peers = 1, .keeps_dead = false};
using Change = LastInstance::Change;
constexpr TimePoint kNow{std::chrono::seconds(1000)};
constexpr TimePoint kLater = kNow + std::chrono::seconds(1);

Advertisement named(const char* prefix) {
  Advertisement out;
  out.prefix = *Prefix::parse(prefix);
  return out;
}

const Advertisement kFirst = named("192.0.2.1/32");
const Advertisement kSecond = named("2001:db8::1/128");

LastInstance::Others of(std::optional<unsigned> first) {
  return {{kFirst, first}};
}
LastInstance::Others of(std::optional<unsigned> first, std::optional<unsigned> second) {
  return {{kFirst, first}, {kSecond, second}};
}

}  // namespace

TEST_CASE("last instance: nothing is kept by default") {
  LastInstance it;
  it.fail({}, of(0U), false);
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: what nobody else announces is kept, what others announce is not") {
  LastInstance it;
  it.fail(kOne, of(0U, 1U), false);
  CHECK(it.any());
  CHECK(it.keeps(kFirst));
  CHECK_FALSE(it.keeps(kSecond));
}

TEST_CASE("last instance: as many others as are wanted let it go, one less does not") {
  LastInstance it;
  it.fail({.min_peers = 2}, of(1U), false);
  CHECK(it.keeps(kFirst));
  it.fail({.min_peers = 2}, of(2U), false);
  CHECK_FALSE(it.keeps(kFirst));
}

TEST_CASE("last instance: of what cannot be told nothing is kept") {
  LastInstance it;
  it.fail(kOne, of(std::nullopt), false);
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: it is let go of once another announces it, and stays so") {
  LastInstance it;
  it.fail(kOne, of(0U, 0U), false);
  CHECK(it.look(kOne, of(0U, 0U), false, kNow) == Change{});
  CHECK(it.look(kOne, of(0U, 1U), false, kNow) == Change{{}, {kSecond}});
  CHECK(it.look(kOne, of(0U, 0U), false, kNow) == Change{});
  CHECK(it.keeps(kFirst));
  CHECK_FALSE(it.keeps(kSecond));
}

TEST_CASE("last instance: what cannot be told for a while does not undo what was known") {
  LastInstance it;
  it.fail(kOne, of(0U), false);
  CHECK(it.look(kOne, of(std::nullopt), false, kNow) == Change{});
  CHECK(it.keeps(kFirst));
}

TEST_CASE("last instance: the dead are kept too, unless they are not to be") {
  LastInstance it;
  it.fail(kOne, of(0U), true);
  CHECK(it.keeps(kFirst));
  CHECK(it.look(kOne, of(0U), true, kNow) == Change{});
  it.fail(kOneUnlessDead, of(0U), true);
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: it hangs and is kept, it dies and is not") {
  LastInstance it;
  it.fail(kOneUnlessDead, of(0U), false);
  CHECK(it.keeps(kFirst));
  CHECK(it.look(kOneUnlessDead, of(0U), true, kNow) == Change{{}, {kFirst}});
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: a configuration that asks for it no more, or has less, lets it go") {
  LastInstance it;
  it.fail(kOne, of(0U), false);
  CHECK(it.look({}, of(0U), false, kNow) == Change{{}, {kFirst}});
  it.fail(kOne, of(0U, 0U), false);
  CHECK(it.look(kOne, of(0U), false, kNow) == Change{{}, {kSecond}});
}

TEST_CASE("last instance: in another order of the configuration it is the same one") {
  LastInstance it;
  it.fail(kOne, of(1U, 0U), false);
  CHECK(it.look(kOne, {{named("192.0.2.0/32"), 0U}, {kSecond, 0U}}, false, kNow) == Change{});
  CHECK_FALSE(it.keeps(named("192.0.2.0/32")));
  CHECK(it.keeps(kSecond));
}

TEST_CASE("last instance: cleared, it keeps nothing") {
  LastInstance it;
  it.fail(kOne, of(0U), false);
  it.clear();
  CHECK_FALSE(it.any());
  CHECK_FALSE(it.keeps(kFirst));
}

TEST_CASE(
    "last instance: what cannot be told yet is open until then, and kept if it turns out to be the last") {
  LastInstance it;
  it.fail(kOne, of(std::nullopt, 0U), false, kLater);
  CHECK(it.leaves_open(kFirst));
  CHECK(it.keeps(kSecond));
  CHECK_FALSE(it.leaves_open(kSecond));
  CHECK(it.look(kOne, of(std::nullopt, 0U), false, kNow) == Change{});
  CHECK(it.leaves_open(kFirst));
  CHECK(it.look(kOne, of(0U, 0U), false, kNow) == Change{{kFirst}, {}});
  CHECK(it.keeps(kFirst));
  CHECK_FALSE(it.any_open());
  it.fail(kOne, of(std::nullopt), false, kLater);
  CHECK(it.look(kOne, of(1U), false, kNow) == Change{{}, {kFirst}});
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: what is never told is let go of, as what is not to be kept") {
  LastInstance it;
  it.fail(kOne, of(std::nullopt), false, kLater);
  CHECK(it.look(kOne, of(std::nullopt), false, kLater) == Change{{}, {kFirst}});
  CHECK_FALSE(it.any());
  it.fail(kOneUnlessDead, of(std::nullopt), false, kLater);
  CHECK(it.look(kOneUnlessDead, of(0U), true, kNow) == Change{{}, {kFirst}});
  it.fail(kOneUnlessDead, of(std::nullopt), true, kLater);
  CHECK_FALSE(it.any());
}
