#include <doctest/doctest.h>

#include "core/last_instance.hpp"

using namespace anyprobe;

namespace {

constexpr LastInstancePolicy kOne{.min_peers = 1};
constexpr LastInstancePolicy kOneUnlessDead{.min_peers = 1, .keeps_dead = false};
using Places = std::vector<std::size_t>;

}  // namespace

TEST_CASE("last instance: nothing is kept by default") {
  LastInstance it;
  it.fail({}, {0U}, false);
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: what nobody else announces is kept, what others announce is not") {
  LastInstance it;
  it.fail(kOne, {0U, 1U}, false);
  CHECK(it.any());
  CHECK(it.keeps(0));
  CHECK_FALSE(it.keeps(1));
  CHECK_FALSE(it.keeps(2));
}

TEST_CASE("last instance: as many others as are wanted let it go, one less does not") {
  LastInstance it;
  it.fail({.min_peers = 2}, {1U}, false);
  CHECK(it.keeps(0));
  it.fail({.min_peers = 2}, {2U}, false);
  CHECK_FALSE(it.keeps(0));
}

TEST_CASE("last instance: of what cannot be told nothing is kept") {
  LastInstance it;
  it.fail(kOne, {std::nullopt}, false);
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: it is let go of once another announces it, and stays so") {
  LastInstance it;
  it.fail(kOne, {0U, 0U}, false);
  CHECK(it.look(kOne, {0U, 0U}, false).empty());
  CHECK(it.look(kOne, {0U, 1U}, false) == Places{1});
  CHECK(it.look(kOne, {0U, 0U}, false).empty());
  CHECK(it.keeps(0));
  CHECK_FALSE(it.keeps(1));
}

TEST_CASE("last instance: what cannot be told for a while does not undo what was known") {
  LastInstance it;
  it.fail(kOne, {0U}, false);
  CHECK(it.look(kOne, {std::nullopt}, false).empty());
  CHECK(it.keeps(0));
}

TEST_CASE("last instance: the dead are kept too, unless they are not to be") {
  LastInstance it;
  it.fail(kOne, {0U}, true);
  CHECK(it.keeps(0));
  CHECK(it.look(kOne, {0U}, true).empty());
  it.fail(kOneUnlessDead, {0U}, true);
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: it hangs and is kept, it dies and is not") {
  LastInstance it;
  it.fail(kOneUnlessDead, {0U}, false);
  CHECK(it.keeps(0));
  CHECK(it.look(kOneUnlessDead, {0U}, true) == Places{0});
  CHECK_FALSE(it.any());
}

TEST_CASE("last instance: a configuration that asks for it no more, or has less, lets it go") {
  LastInstance it;
  it.fail(kOne, {0U}, false);
  CHECK(it.look({}, {0U}, false) == Places{0});
  it.fail(kOne, {0U, 0U}, false);
  CHECK(it.look(kOne, {0U}, false) == Places{1});
}

TEST_CASE("last instance: cleared, it keeps nothing") {
  LastInstance it;
  it.fail(kOne, {0U}, false);
  it.clear();
  CHECK_FALSE(it.any());
  CHECK_FALSE(it.keeps(0));
}
