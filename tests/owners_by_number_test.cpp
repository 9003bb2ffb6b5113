#include "routing/owners_by_number.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;

namespace {

IpAddress ip(const char* text) {
  return *IpAddress::parse(text);
}

using Owners = std::vector<std::size_t>;

Owners to_vector(std::span<const std::size_t> all) {
  return {all.begin(), all.end()};
}

}  // namespace

TEST_CASE("owners by number: all of one, in order") {
  OwnersByNumber owners;
  CHECK(owners.empty());
  owners.add(ip("192.0.2.2"), 3);
  owners.add(ip("2001:db8::1"), 2);
  owners.add(ip("192.0.2.1"), 1);
  owners.add(ip("192.0.2.2"), OwnersByNumber::kNobody);
  owners.add(ip("192.0.2.2"), 0);
  owners.add(ip("192.0.2.3"), OwnersByNumber::kNobody);
  owners.sort();
  CHECK_FALSE(owners.empty());
  REQUIRE(owners.find(ip("192.0.2.2")));
  CHECK(to_vector(*owners.find(ip("192.0.2.2"))) == Owners{0, 3});
  CHECK(to_vector(owners.all_of(ip("192.0.2.2"))) == Owners{0, 3, OwnersByNumber::kNobody});
  REQUIRE(owners.find(ip("192.0.2.3")));
  CHECK(owners.find(ip("192.0.2.3"))->empty());
  CHECK(to_vector(owners.all_of(ip("2001:db8::1"))) == Owners{2});
  CHECK_FALSE(owners.find(ip("192.0.2.4")));
  CHECK_FALSE(owners.find(ip("2001:db8::")));
  owners.clear();
  owners.sort();
  CHECK_FALSE(owners.find(ip("192.0.2.2")));
}
