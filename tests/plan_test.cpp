#include "routing/plan.hpp"
#include "standing.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

Desired desired(const char* text, bool announce, const char* interface = "lo") {
  return {{prefix(text), interface}, wish(announce)};
}

// A host with lo (1) and eth0 (2).
Snapshot host(std::vector<SeenAddress> addresses = {}) {
  return {{{1, "lo"}, {2, "eth0"}}, std::move(addresses)};
}

SeenAddress ours(const char* text, int index = 1, Fitness fitness = Fitness::exact) {
  return {prefix(text), index, index == 1 ? "lo" : "eth0", true, fitness, "", {}};
}

SeenAddress theirs(const char* text, int index = 1, Fitness fitness = Fitness::mendable) {
  return {prefix(text), index, index == 1 ? "lo" : "eth0", false, fitness, "", {}};
}

SeenAddress passing(SeenAddress address) {
  address.passing = true;
  return address;
}

Desired leased(const char* text, bool renew, Wish wish = Wish::announce) {
  return {{prefix(text), "lo"}, wish, 3s, renew};
}

std::vector<std::string> words(const Plan& plan) {
  std::vector<std::string> out;
  for (const auto& each : plan.changes) out.push_back(to_string(each.change));
  return out;
}

using Words = std::vector<std::string>;

Plan plan_of(std::vector<Desired> wanted, const Snapshot& seen, bool adopt = false,
             const std::vector<Advertisement>& gone = {}) {
  std::vector<Former> former;
  for (const auto& each : gone) former.push_back({each});
  return make_plan(wanted, former, seen, adopt);
}

}  // namespace

TEST_CASE("what is wanted and not there is added, with the index of its interface") {
  const auto plan = plan_of({desired("192.0.2.1", true, "eth0")}, host());
  CHECK(words(plan) == Words{"add 192.0.2.1/32 to eth0"});
  const auto& add = std::get<AddAddress>(plan.changes[0].change);
  CHECK(add.index == 2);
  CHECK_FALSE(add.replace);
  CHECK(plan.changes[0].owner == 0);
  CHECK(plan.outlooks[0].state == AdvertisementState::announced);
}

TEST_CASE("what is wanted and there is left as it is") {
  const auto plan = plan_of({desired("192.0.2.1", true), desired("2001:db8::1", true)},
                            host({ours("192.0.2.1"), ours("2001:db8::1")}));
  CHECK(words(plan).empty());
  CHECK(plan.outlooks[0].state == AdvertisementState::announced);
  CHECK(plan.outlooks[1].state == AdvertisementState::announced);
}

TEST_CASE("what is ours and not wanted is removed") {
  const auto plan = plan_of({desired("192.0.2.1", false)}, host({ours("192.0.2.1")}));
  CHECK(words(plan) == Words{"remove 192.0.2.1/32 from lo"});
  CHECK(std::get<RemoveAddress>(plan.changes[0].change).seen.index == 1);
  CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
}

TEST_CASE("what is neither wanted nor there is no work") {
  CHECK(words(plan_of({desired("192.0.2.1", false)}, host())).empty());
}

TEST_CASE("one that is configured no more is removed") {
  const auto plan = plan_of({desired("192.0.2.2", true)}, host({ours("192.0.2.1"), ours("192.0.2.2")}), false,
                            {{prefix("192.0.2.1"), "lo"}});
  CHECK(words(plan) == Words{"remove 192.0.2.1/32 from lo"});
  CHECK(plan.changes[0].owner == PlannedChange::kNobody);
}

TEST_CASE("marked, but never configured here: it is another instance's and stays") {
  CHECK(words(plan_of({desired("192.0.2.1", true)}, host({ours("192.0.2.1"), ours("192.0.2.7")}))).empty());
  CHECK(words(plan_of({}, host({ours("192.0.2.7")}), true)).empty());
}

TEST_CASE("an unmarked address of the same number makes it foreign, wherever and of whatever length it is") {
  for (const auto& seen : {theirs("192.0.2.1"), theirs("192.0.2.1", 2), theirs("192.0.2.1/24", 2)}) {
    for (const bool announce : {true, false}) {
      const auto plan = plan_of({desired("192.0.2.1", announce)}, host({seen}));
      CHECK(words(plan).empty());
      CHECK(plan.outlooks[0].state == AdvertisementState::foreign);
      CHECK(plan.outlooks[0].occupant == seen.to_string());
    }
  }
}

TEST_CASE("a neighbour in the same subnet is not foreign") {
  const auto plan = plan_of({desired("192.0.2.1", true)}, host({theirs("192.0.2.2/24", 2)}));
  CHECK(plan.outlooks[0].state == AdvertisementState::announced);
}

TEST_CASE("beside a foreign one, ours stays as it is while wanted and goes once it is not") {
  const auto seen = host({ours("192.0.2.1", 1, Fitness::unfit), theirs("192.0.2.1", 2)});
  CHECK(words(plan_of({desired("192.0.2.1", true)}, seen)).empty());
  const auto plan = plan_of({desired("192.0.2.1", false)}, seen);
  CHECK(words(plan) == Words{"remove 192.0.2.1/32 from lo"});
  CHECK(plan.outlooks[0].state == AdvertisementState::foreign);
}

TEST_CASE("adopt: an unmarked one is mended where it is wanted, and removed where it is not") {
  CHECK(words(plan_of({desired("192.0.2.1", true)}, host({theirs("192.0.2.1")}), true)) ==
        Words{"mend 192.0.2.1/32 on lo"});
  CHECK(words(plan_of({desired("192.0.2.1", true)}, host({theirs("192.0.2.1", 1, Fitness::unfit)}), true)) ==
        Words{"remove 192.0.2.1/32 from lo", "add 192.0.2.1/32 to lo"});
  CHECK(words(plan_of({desired("192.0.2.1", true)}, host({theirs("192.0.2.1/24", 2)}), true)) ==
        Words{"remove 192.0.2.1/24 from eth0", "add 192.0.2.1/32 to lo"});
  const auto plan = plan_of({desired("192.0.2.1", false)}, host({theirs("192.0.2.1", 2)}), true);
  CHECK(words(plan) == Words{"remove 192.0.2.1/32 from eth0"});
  CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
}

TEST_CASE("adopt touches no number that is not configured") {
  CHECK(words(plan_of({desired("192.0.2.1", false)}, host({theirs("192.0.2.2"), theirs("::1")}), true))
            .empty());
}

TEST_CASE("a missing interface is waited for") {
  const auto plan = plan_of({desired("192.0.2.1", true, "bond0")}, host());
  CHECK(words(plan).empty());
  CHECK(plan.outlooks[0].interface_missing);
  CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
  CHECK_FALSE(plan_of({desired("192.0.2.1", true)}, host()).outlooks[0].interface_missing);
}

TEST_CASE("ours of another length is removed, then added") {
  const auto plan = plan_of({desired("192.0.2.1", true)}, host({ours("192.0.2.1/24")}));
  CHECK(words(plan) == Words{"remove 192.0.2.1/24 from lo", "add 192.0.2.1/32 to lo"});
}

TEST_CASE("ours on another interface is removed") {
  const auto plan = plan_of({desired("192.0.2.1", true)}, host({ours("192.0.2.1", 2), ours("192.0.2.1", 1)}));
  CHECK(words(plan) == Words{"remove 192.0.2.1/32 from eth0"});
  CHECK(plan.outlooks[0].state == AdvertisementState::announced);
}

TEST_CASE("ours with wrong attributes is mended in place where that will do, else made anew") {
  CHECK(words(plan_of({desired("2001:db8::1", true)}, host({ours("2001:db8::1", 1, Fitness::mendable)}))) ==
        Words{"mend 2001:db8::1/128 on lo"});
  CHECK(words(plan_of({desired("192.0.2.1", true)}, host({ours("192.0.2.1", 1, Fitness::unfit)}))) ==
        Words{"remove 192.0.2.1/32 from lo", "add 192.0.2.1/32 to lo"});
}

TEST_CASE("a point-to-point address is not what is wanted, though its number is") {
  auto seen = ours("192.0.2.1");
  seen.peer = prefix("192.0.2.2").address;
  CHECK(words(plan_of({desired("192.0.2.1", true)}, host({seen}))).size() == 2);
}

TEST_CASE("removals come before additions") {
  const auto plan =
      plan_of({desired("192.0.2.1", true), desired("192.0.2.2", false)}, host({ours("192.0.2.2")}));
  CHECK(words(plan) == Words{"remove 192.0.2.2/32 from lo", "add 192.0.2.1/32 to lo"});
  CHECK(plan.changes[0].owner == 1);
  CHECK(plan.changes[1].owner == 0);
}

TEST_CASE("the neighbours of a removed IPv4 address are to be spared, where there are any") {
  const auto spares = [](const Snapshot& seen) {
    const auto plan = plan_of({desired("192.0.2.1/24", false)}, seen);
    REQUIRE(plan.changes.size() == 1);
    return std::get<RemoveAddress>(plan.changes[0].change).spare_neighbours;
  };
  CHECK(spares(host({ours("192.0.2.1/24"), theirs("192.0.2.9/24")})));
  CHECK(spares(host({theirs("192.0.2.9/24"), ours("192.0.2.1/24")})));
  CHECK_FALSE(spares(host({ours("192.0.2.1/24"), theirs("192.0.2.9/24", 2)})));
  CHECK_FALSE(spares(host({ours("192.0.2.1/24"), theirs("192.0.2.9/25")})));
  CHECK_FALSE(spares(host({ours("192.0.2.1/24"), theirs("198.51.100.1/24")})));
}

TEST_CASE("held: what is there stays as it is, and what is not there is not added") {
  const Desired held{{prefix("192.0.2.1"), "lo"}, Wish::hold, 3s, true};
  for (const auto& seen : {ours("192.0.2.1"), passing(ours("192.0.2.1")),
                           ours("192.0.2.1", 1, Fitness::mendable), ours("192.0.2.1", 1, Fitness::unfit)}) {
    const auto plan = plan_of({held}, host({seen}));
    CHECK(words(plan).empty());
    CHECK(plan.outlooks[0].state == AdvertisementState::announced);
  }
  const auto plan = plan_of({held}, host());
  CHECK(words(plan).empty());
  CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
}

TEST_CASE("held: what is elsewhere, or of another length, is not what is held") {
  const Desired held{{prefix("192.0.2.1"), "lo"}, Wish::hold};
  for (const auto& seen : {ours("192.0.2.1", 2), ours("192.0.2.1/24")}) {
    const auto plan = plan_of({held}, host({seen}));
    CHECK(words(plan) == Words{"remove " + seen.prefix.to_string() + " from " + seen.interface});
    CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
  }
}

TEST_CASE("held: an unmarked one stays foreign; with adopt it is held, and marked only once it is wanted") {
  const Desired held{{prefix("192.0.2.1"), "lo"}, Wish::hold, 3s, true};
  const auto foreign = plan_of({held}, host({theirs("192.0.2.1")}));
  CHECK(words(foreign).empty());
  CHECK(foreign.outlooks[0].state == AdvertisementState::foreign);
  const auto adopted = plan_of({held}, host({theirs("192.0.2.1")}), true);
  CHECK(words(adopted).empty());
  CHECK(adopted.outlooks[0].state == AdvertisementState::announced);
}

TEST_CASE("a lease goes with what is added or mended, and is renewed in place when it is due") {
  const auto lifetime = [](const Plan& plan) {
    REQUIRE(plan.changes.size() == 1);
    return std::get<AddAddress>(plan.changes[0].change).lifetime;
  };
  const auto added = plan_of({leased("192.0.2.1", false)}, host());
  CHECK(words(added) == Words{"add 192.0.2.1/32 to lo"});
  CHECK(lifetime(added) == 3s);
  const auto mended =
      plan_of({leased("2001:db8::1", true)}, host({passing(ours("2001:db8::1", 1, Fitness::mendable))}));
  CHECK(words(mended) == Words{"mend 2001:db8::1/128 on lo"});
  CHECK(lifetime(mended) == 3s);

  for (const char* text : {"192.0.2.1", "2001:db8::1"}) {
    const auto there = host({passing(ours(text))});
    CHECK(words(plan_of({leased(text, false)}, there)).empty());
    CHECK(words(plan_of({leased(text, true, Wish::hold)}, there)).empty());
    const auto renewal = plan_of({leased(text, true)}, there);
    CHECK(words(renewal) == Words{"renew " + prefix(text).to_string() + " on lo"});
    CHECK(lifetime(renewal) == 3s);
    CHECK(std::get<AddAddress>(renewal.changes[0].change).replace);
    CHECK(renews(renewal.changes[0].change));
    CHECK_FALSE(announces(renewal.changes[0].change));
    CHECK(renewal.changes[0].owner == 0);
  }
}

TEST_CASE("what has no lifetime gets one, and loses one that it should not have") {
  const auto given = plan_of({leased("192.0.2.1", false)}, host({ours("192.0.2.1")}));
  CHECK(words(given) == Words{"renew 192.0.2.1/32 on lo"});
  const auto taken = plan_of({desired("192.0.2.1", true)}, host({passing(ours("192.0.2.1"))}));
  CHECK(words(taken) == Words{"renew 192.0.2.1/32 on lo"});
  CHECK_FALSE(std::get<AddAddress>(taken.changes[0].change).lifetime);
  const Desired without{{prefix("192.0.2.1"), "lo"}, Wish::announce, {}, true};
  CHECK(words(plan_of({without}, host({ours("192.0.2.1")}))).empty());
}

TEST_CASE("beside a foreign one, ours is renewed, and not mended") {
  const auto exact =
      plan_of({leased("192.0.2.1", true)}, host({passing(ours("192.0.2.1")), theirs("192.0.2.1", 2)}));
  CHECK(words(exact) == Words{"renew 192.0.2.1/32 on lo"});
  CHECK(exact.outlooks[0].state == AdvertisementState::foreign);
  const auto odd = plan_of({leased("192.0.2.1", true)},
                           host({theirs("192.0.2.1", 2), passing(ours("192.0.2.1", 1, Fitness::mendable))}));
  CHECK(words(odd) == Words{"renew 192.0.2.1/32 on lo"});
}
