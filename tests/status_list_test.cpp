#include "probes/status_list.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace anyprobe;

namespace {

StatusList list_of(const std::vector<std::string>& items) {
  const auto list = StatusList::parse(items);
  REQUIRE_MESSAGE(list.ok(), (list.ok() ? "" : list.error()));
  return *list;
}

std::string error_of(const std::vector<std::string>& items) {
  const auto list = StatusList::parse(items);
  return list ? "" : list.error();
}

}  // namespace

TEST_CASE("a list of statuses is shown as it may be written") {
  CHECK(list_of({"2xx", "404"}).to_string() == "200-299, 404");
  CHECK(StatusList().to_string().empty());
}

TEST_CASE("statuses are single codes, ranges and classes") {
  const auto list = list_of({"404", "480-482", "6xx", "5XX"});
  for (const int status : {404, 480, 481, 482, 500, 599, 600, 699}) {
    CAPTURE(status);
    CHECK(list.contains(status));
  }
  for (const int status : {0, 100, 200, 403, 405, 479, 483, 499, 700, -404, 40, 4040}) {
    CAPTURE(status);
    CHECK_FALSE(list.contains(status));
  }
  CHECK_FALSE(list.empty());
  CHECK(list_of({"200-200"}).contains(200));
}

TEST_CASE("no statuses contain none") {
  CHECK(list_of({}).empty());
  CHECK_FALSE(list_of({}).contains(200));
}

TEST_CASE("what is no status is refused") {
  for (const std::string text :
       {"",     "2", "20",     "2000",     "099",     "0xx",     "xx",   "2x",   "2xxx", "axx", "200-",
        "-299", "-", "200-29", "200-299-", "200-2xx", "2xx-3xx", " 200", "200 ", "+20",  "ok",  "200,201"}) {
    CAPTURE(text);
    CHECK(error_of({"200", text}) == "\"" + text + "\" is no status (try 200, 200-299 or 2xx)");
  }
  CHECK(error_of({"299-200"}) == "\"299-200\" ends before it begins");
}
