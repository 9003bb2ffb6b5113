#include "core/address.hpp"

#include <doctest/doctest.h>

#include <iterator>

using namespace anyprobe;

namespace {

IpAddress ip(const char* text) {
  return *IpAddress::parse(text);
}

}  // namespace

TEST_CASE("addresses are in the order of their families, then of their numbers") {
  const char* in_order[] = {
      "0.0.0.1", "0.0.1.0",     "127.0.0.1",   "128.0.0.1",    "255.255.255.255", "::",
      "::1",     "::1:0:0:0:0", "2001:db8::1", "2001:db8::80", "2001:db8:0:1::",  "ff02::1"};
  for (std::size_t i = 0; i < std::size(in_order); ++i) {
    for (std::size_t j = 0; j < std::size(in_order); ++j) {
      CAPTURE(in_order[i]);
      CAPTURE(in_order[j]);
      CHECK((ip(in_order[i]) <=> ip(in_order[j])) == (i <=> j));
      CHECK((ip(in_order[i]) == ip(in_order[j])) == (i == j));
    }
  }
}
