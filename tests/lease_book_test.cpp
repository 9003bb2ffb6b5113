#include "routing/lease_book.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kNow{1000s};
constexpr std::chrono::seconds kLease = 3s;

Advertisement on_lo(const char* text) {
  return {Prefix::parse(text).value(), "lo"};
}

Advertisement route(const char* text) {
  Advertisement out{Prefix::parse(text).value(), "bond0", Advertisement::Kind::route};
  out.metric = default_metric(out.prefix.address.family());
  return out;
}

const Advertisement kOne = on_lo("192.0.2.1");
const Advertisement kTwo = on_lo("192.0.2.2");

// Two entries, of which none was found.
struct Book : LeaseBook {
  Book() { configure({kOne, kTwo}, {{kLease}, {kLease}}, {false, false}, kNow); }

  void says(Wish first, Wish second, TimePoint said, TimePoint now) {
    take({first, second}, {true, true}, said, now);
  }
  [[nodiscard]] Wish wish(std::size_t i, TimePoint now) const { return standing(now).at(i).wish; }
  [[nodiscard]] TimePoint until(std::size_t i) const { return standing(kNow).at(i).until; }
};

}  // namespace

TEST_CASE("leases: what is new begins withdrawn, what is found is held for one lease") {
  LeaseBook book;
  book.configure({kOne, kTwo}, {{3s}, {7s}}, {true, false}, kNow);
  auto standing = book.standing(kNow);
  REQUIRE(standing.size() == 2);
  CHECK(standing[0].wish == Wish::hold);
  CHECK(standing[0].until == kNow + 3s);
  CHECK(standing[1].wish == Wish::withdraw);
  CHECK(book.next_end(kNow) == kNow + 3s);
  CHECK(book.standing(kNow + 3s - 1ns)[0].wish == Wish::hold);
  CHECK(book.standing(kNow + 3s)[0].wish == Wish::withdraw);
  CHECK(book.next_end(kNow + 3s) == TimePoint::max());
}

TEST_CASE("leases: where it could not be read what is there, nothing is held") {
  LeaseBook book;
  book.configure({kOne}, {{kLease}}, {}, kNow);
  CHECK(book.standing(kNow)[0].wish == Wish::withdraw);
}

TEST_CASE("leases: a lease runs from when it was said, not from when it is heard") {
  Book book;
  book.says(Wish::announce, Wish::withdraw, kNow - 2s, kNow);
  CHECK(book.until(0) == kNow + 1s);
  CHECK(book.wish(0, kNow) == Wish::announce);
  CHECK(book.wish(0, kNow + 1s) == Wish::withdraw);
}

TEST_CASE("leases: what waited for longer than a lease renews nothing") {
  Book book;
  book.says(Wish::announce, Wish::announce, kNow - kLease, kNow);
  CHECK(book.wish(0, kNow) == Wish::withdraw);
  CHECK(book.next_end(kNow) == TimePoint::max());
  book.says(Wish::announce, Wish::announce, TimePoint{}, kNow);
  CHECK(book.wish(1, kNow) == Wish::withdraw);
}

TEST_CASE("leases: what is said to come from the future was said now") {
  for (const auto said : {kNow + 1s, kNow + 24h, TimePoint::max()}) {
    Book book;
    book.says(Wish::announce, Wish::withdraw, said, kNow);
    CHECK(book.until(0) == kNow + kLease);
  }
}

TEST_CASE("leases: an older word does not shorten a newer one, a newer one renews") {
  Book book;
  book.says(Wish::announce, Wish::withdraw, kNow, kNow);
  book.says(Wish::announce, Wish::withdraw, kNow - 1s, kNow);
  CHECK(book.until(0) == kNow + kLease);
  book.says(Wish::announce, Wish::withdraw, kNow + 1s, kNow + 1s);
  CHECK(book.until(0) == kNow + 1s + kLease);
}

TEST_CASE("leases: to hold renews nothing, and raises nothing that is withdrawn") {
  Book book;
  book.says(Wish::announce, Wish::hold, kNow, kNow);
  book.says(Wish::hold, Wish::hold, kNow + 1s, kNow + 1s);
  CHECK(book.wish(0, kNow + 1s) == Wish::hold);
  CHECK(book.until(0) == kNow + kLease);
  CHECK(book.wish(1, kNow + 1s) == Wish::withdraw);
  book.says(Wish::withdraw, Wish::withdraw, kNow + 1s, kNow + 1s);
  book.says(Wish::hold, Wish::hold, kNow + 1s, kNow + 1s);
  CHECK(book.wish(0, kNow + 1s) == Wish::withdraw);
}

TEST_CASE("leases: each prober has a say in its own alone") {
  Book book;
  book.take({Wish::announce, Wish::announce}, {false, true}, kNow, kNow);
  CHECK(book.wish(0, kNow) == Wish::withdraw);
  CHECK(book.wish(1, kNow) == Wish::announce);
  book.take({Wish::announce, Wish::withdraw}, {true, false}, kNow, kNow);
  CHECK(book.wish(0, kNow) == Wish::announce);
  CHECK(book.wish(1, kNow) == Wish::announce);
}

TEST_CASE("leases: lengths that do not match change nothing") {
  Book book;
  book.take({Wish::announce}, {true}, kNow, kNow);
  book.take({Wish::announce, Wish::announce}, {true}, kNow, kNow);
  book.take({Wish::announce, Wish::announce, Wish::announce}, {true, true, true}, kNow, kNow);
  book.take({}, {}, kNow, kNow);
  CHECK(book.next_end(kNow) == TimePoint::max());
}

TEST_CASE("leases: what stays in the configuration keeps what is known of it, whatever its new place is") {
  Book book;
  book.says(Wish::announce, Wish::withdraw, kNow, kNow);
  // Found or not: that is asked of new ones alone.
  book.configure({kTwo, on_lo("192.0.2.3"), kOne}, {{kLease}, {kLease}, {kLease}}, {true, false, false},
                 kNow + 1s);
  const auto standing = book.standing(kNow + 1s);
  CHECK(standing[0].wish == Wish::withdraw);
  CHECK(standing[1].wish == Wish::withdraw);
  CHECK(standing[2].wish == Wish::announce);
  CHECK(standing[2].until == kNow + kLease);
  book.configure({kTwo}, {{kLease}}, {false}, kNow + 1s);
  book.configure({kTwo, kOne}, {{kLease}, {kLease}}, {false, false}, kNow + 1s);
  CHECK(book.standing(kNow + 1s)[1].wish == Wish::withdraw);  // it was away in between
}

TEST_CASE("leases: a shorter lease holds at once, a longer one from the next word on") {
  Book book;
  book.says(Wish::announce, Wish::announce, kNow, kNow);
  book.configure({kOne, kTwo}, {{1s}, {60s}}, {}, kNow);
  CHECK(book.until(0) == kNow + 1s);
  CHECK(book.until(1) == kNow + kLease);
  book.says(Wish::announce, Wish::announce, kNow + 1s, kNow + 1s);
  CHECK(book.until(0) == kNow + 2s);
  CHECK(book.until(1) == kNow + 61s);
}

TEST_CASE("leases: without its prober, what was announced has the rest of its lease") {
  Book book;
  book.says(Wish::announce, Wish::announce, kNow, kNow);
  book.let_run({true, false});
  CHECK(book.wish(0, kNow + 1s) == Wish::hold);
  CHECK(book.until(0) == kNow + kLease);
  CHECK(book.wish(1, kNow + 1s) == Wish::announce);
  CHECK(book.wish(0, kNow + kLease) == Wish::withdraw);

  Book other;
  other.says(Wish::withdraw, Wish::withdraw, kNow, kNow);
  other.let_run({true, true});
  CHECK(other.wish(0, kNow) == Wish::withdraw);
}

TEST_CASE("leases: when the next one ends, and when the last one") {
  LeaseBook book;
  CHECK(book.next_end(kNow) == TimePoint::max());
  CHECK(book.last_end(kNow) == kNow);
  book.configure({kOne, kTwo, on_lo("192.0.2.3")}, {{3s}, {7s}, {60s}}, {}, kNow);
  CHECK(book.last_end(kNow) == kNow);
  book.take({Wish::announce, Wish::announce, Wish::withdraw}, {true, true, true}, kNow, kNow);
  CHECK(book.next_end(kNow) == kNow + 3s);
  CHECK(book.last_end(kNow) == kNow + 7s);
  CHECK(book.next_end(kNow + 3s) == kNow + 7s);
  CHECK(book.last_end(kNow + 3s) == kNow + 7s);
  CHECK(book.next_end(kNow + 7s) == TimePoint::max());
  CHECK(book.last_end(kNow + 8s) == kNow + 8s);
  book.let_run({true, true, true});
  CHECK(book.next_end(kNow) == kNow + 3s);
  CHECK(book.last_end(kNow) == kNow + 7s);
  book.withdraw_all();
  CHECK(book.next_end(kNow) == TimePoint::max());
  CHECK(book.last_end(kNow) == kNow);
}

TEST_CASE("leases: who must be there to end them: nobody for addresses and IPv6 routes") {
  for (const auto& [what, needs] :
       std::vector<std::pair<Advertisement, bool>>{{kOne, false},
                                                   {on_lo("2001:db8::1"), false},
                                                   {route("2001:db8::/64"), false},
                                                   {route("192.0.2.0/24"), true},
                                                   {Advertisement::link("dummy0"), true}}) {
    const auto text = what.to_string();  // clang 14 captures no structured binding
    CAPTURE(text);
    LeaseBook book;
    book.configure({what}, {{kLease}}, {false}, kNow);
    CHECK_FALSE(book.needs_a_keeper(kNow));
    book.take({Wish::announce}, {true}, kNow, kNow);
    CHECK(book.needs_a_keeper(kNow) == needs);
    book.let_run({true});
    CHECK(book.needs_a_keeper(kNow) == needs);
    CHECK_FALSE(book.needs_a_keeper(kNow + kLease));
    book.withdraw_all();
    CHECK_FALSE(book.needs_a_keeper(kNow));
  }
}

TEST_CASE(
    "leases: what is held is neither announced nor held for longer by what waited for longer than a lease") {
  LeaseBook book;
  book.configure({kOne}, {{kLease}}, {true}, kNow);
  book.take({Wish::announce}, {true}, kNow - 3s, kNow + 1s);
  CHECK(book.standing(kNow + 1s)[0].wish == Wish::hold);
  CHECK(book.next_end(kNow + 1s) == kNow + 3s);
  book.take({Wish::announce}, {true}, kNow - 1s, kNow + 1s);
  CHECK(book.standing(kNow + 1s)[0].wish == Wish::announce);
  CHECK(book.next_end(kNow + 1s) == kNow + 2s);
}
