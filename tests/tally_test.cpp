#include "core/tally.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;

namespace {

const Result kPass{Verdict::pass, Evidence::soft, "ok", ""};
const Result kTimeout{Verdict::fail, Evidence::soft, "timeout", ""};
const Result kRefused{Verdict::fail, Evidence::conclusive, "refused", ""};
const Result kNotAsked{Verdict::local_error, Evidence::soft, "local_error", ""};

}  // namespace

TEST_CASE("all of three: the last pass decides") {
  Tally tally(3, 3);
  CHECK_FALSE(tally.add(kPass));
  CHECK_FALSE(tally.add(kPass));
  CHECK(tally.add(kPass)->verdict == Verdict::pass);
}

TEST_CASE("all of three: the first failure decides, without waiting for the others") {
  Tally tally(3, 3);
  CHECK(tally.add(kRefused)->reason == "refused");
  CHECK_FALSE(tally.add(kPass));
}

TEST_CASE("any of three: the first pass decides, and only the third failure does") {
  Tally tally(3, 1);
  CHECK_FALSE(tally.add(kTimeout));
  CHECK_FALSE(tally.add(kRefused));
  CHECK(tally.add(kPass)->verdict == Verdict::pass);
  tally.reset();
  CHECK_FALSE(tally.add(kTimeout));
  CHECK_FALSE(tally.add(kTimeout));
  CHECK(tally.add(kTimeout)->verdict == Verdict::fail);
}

TEST_CASE("a failure of the whole is conclusive only if all that it takes are") {
  Tally tally(2, 1);
  tally.add(kTimeout);
  CHECK(tally.add(kRefused)->evidence == Evidence::soft);
  tally.reset();
  tally.add(kRefused);
  CHECK(tally.add(kRefused)->evidence == Evidence::conclusive);
}

TEST_CASE("what could not be asked is neither: it decides only where the others do not") {
  Tally tally(2, 2);
  CHECK_FALSE(tally.add(kNotAsked));
  CHECK(tally.add(kPass)->verdict == Verdict::local_error);
  tally.reset();
  CHECK_FALSE(tally.add(kNotAsked));
  CHECK(tally.add(kTimeout)->verdict == Verdict::fail);
}
