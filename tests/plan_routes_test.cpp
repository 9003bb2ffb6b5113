// The plan of routes and links; that of addresses is in plan_test.cpp.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "routing/netlink_message.hpp"
#include "routing/plan.hpp"
#include "standing.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

Prefix prefix(const char* text) {
  return Prefix::parse(text).value();
}

Advertisement route(const char* text, const char* device = "bond0") {
  Advertisement out{prefix(text), device, Advertisement::Kind::route};
  out.metric = default_metric(out.prefix.address.family());
  return out;
}

Advertisement with_metric(Advertisement what, std::uint32_t metric) {
  what.metric = metric;
  return what;
}

// A host with lo (1), bond0 (2) and dummy0 (3, down).
Snapshot host(std::vector<SeenRoute> routes = {}) {
  Snapshot out;
  out.links = {{1, "lo", true}, {2, "bond0", true}, {3, "dummy0", false}};
  out.routes = std::move(routes);
  return out;
}

SeenRoute seen(const Advertisement& what, std::uint8_t protocol = kProtocolMark, int index = 2) {
  return {what.prefix,    what.table, what.metric, index,
          what.interface, what.via,   protocol,    protocol == kProtocolMark};
}

SeenRoute passing(SeenRoute route) {
  route.passing = true;
  return route;
}

Words words(const Plan& plan) {
  Words out;
  for (const auto& each : plan.changes) out.push_back(to_string(each.change));
  return out;
}

Plan plan_of(std::vector<Desired> wanted, const Snapshot& there, bool adopt = false,
             const std::vector<Advertisement>& gone = {}) {
  std::vector<Former> former;
  for (const auto& each : gone) former.push_back({each});
  return make_plan(wanted, former, there, adopt);
}

const Advertisement kFour = route("192.0.2.153/32");
const Advertisement kSix = route("2001:db8::153/128");

}  // namespace

TEST_CASE("a route that is wanted is added, one that is there is left, one that is not wanted is removed") {
  const auto plan = plan_of({{kFour, Wish::announce}, {kSix, Wish::announce}}, host());
  CHECK(words(plan) == Words{"add 192.0.2.153/32 dev bond0", "add 2001:db8::153/128 dev bond0"});
  const auto& add = std::get<AddRoute>(plan.changes[1].change);
  CHECK(add.index == 2);
  CHECK(add.table == kMainTable);
  CHECK(add.metric == 1024);
  CHECK(plan.outlooks[0].state == AdvertisementState::announced);
  CHECK(words(plan_of({{kFour, Wish::announce}, {kSix, Wish::announce}}, host({seen(kFour), seen(kSix)})))
            .empty());
  const auto removal =
      plan_of({{kFour, Wish::withdraw}, {kSix, Wish::announce}}, host({seen(kFour), seen(kSix)}));
  CHECK(words(removal) == Words{"remove 192.0.2.153/32 dev bond0"});
  CHECK(removal.changes[0].owner == 0);
  CHECK(removal.outlooks[0].state == AdvertisementState::withdrawn);
}

TEST_CASE("a marked route of another prefix or table is another instance's; one configured no more goes") {
  auto other_table = seen(kFour);
  other_table.table = 100;
  const auto there = host({seen(route("192.0.2.154/32")), other_table});
  CHECK(words(plan_of({{kFour, Wish::withdraw}}, there, true)).empty());
  CHECK(words(plan_of({}, host({seen(kFour)}), true)).empty());
  const auto plan = plan_of({{kSix, Wish::withdraw}}, host({seen(kFour)}), false, {kFour});
  CHECK(words(plan) == Words{"remove 192.0.2.153/32 dev bond0"});
  CHECK(plan.changes[0].owner == PlannedChange::kNobody);
}

TEST_CASE("ours that goes another way is replaced in place; of another metric, it is removed") {
  auto stray = seen(kFour, kProtocolMark, 1);
  CHECK(words(plan_of({{kFour, Wish::announce}}, host({stray}))) ==
        Words{"replace by 192.0.2.153/32 dev bond0"});
  stray = seen(kFour);
  stray.plain = false;
  CHECK(words(plan_of({{kFour, Wish::announce}}, host({stray}))) ==
        Words{"replace by 192.0.2.153/32 dev bond0"});
  stray = seen(kFour);
  stray.via = prefix("198.51.100.1").address;
  CHECK(words(plan_of({{kFour, Wish::announce}}, host({stray}))) ==
        Words{"replace by 192.0.2.153/32 dev bond0"});
  stray = seen(with_metric(kFour, 7));
  CHECK(words(plan_of({{kFour, Wish::announce}}, host({stray}))) ==
        Words{"remove 192.0.2.153/32 dev bond0 metric 7", "add 192.0.2.153/32 dev bond0"});
}

TEST_CASE("of a route without a device, any device will do") {
  auto what = route("192.0.2.0/24", "");
  what.via = prefix("198.51.100.1").address;
  auto there = seen(what);
  there.device = "bond0";
  CHECK(words(plan_of({{what, Wish::announce}}, host({there}))).empty());
  CHECK(words(plan_of({{what, Wish::announce}}, host())) == Words{"add 192.0.2.0/24 via 198.51.100.1"});
}

TEST_CASE("an unmarked route of the same prefix, table and metric is foreign, and left alone") {
  for (const bool announce : {true, false}) {
    const auto plan = plan_of({{kFour, wish(announce)}}, host({seen(kFour, 3, 1)}));
    CHECK(words(plan).empty());
    CHECK(plan.outlooks[0].state == AdvertisementState::foreign);
    CHECK(plan.outlooks[0].occupant == "192.0.2.153/32 dev bond0 proto 3");
  }
  const auto beside = plan_of({{kFour, Wish::announce}}, host({seen(with_metric(kFour, 20), 3)}));
  CHECK(words(beside) == Words{"add 192.0.2.153/32 dev bond0"});
  CHECK(words(plan_of({{kFour, Wish::withdraw}}, host({seen(kFour), seen(kFour, 3, 1)}))) ==
        Words{"remove 192.0.2.153/32 dev bond0"});
}

TEST_CASE("adopt: an unmarked route is replaced where it is wanted, and removed where it is not") {
  CHECK(words(plan_of({{kFour, Wish::announce}}, host({seen(kFour, 3)}), true)) ==
        Words{"replace by 192.0.2.153/32 dev bond0"});
  CHECK(words(plan_of({{kFour, Wish::withdraw}}, host({seen(kFour, 3)}), true)) ==
        Words{"remove 192.0.2.153/32 dev bond0"});
  CHECK(words(plan_of({{kFour, Wish::announce}}, host({seen(with_metric(kFour, 20), 3)}), true)) ==
        Words{"add 192.0.2.153/32 dev bond0"});
}

TEST_CASE("a device that is missing or down is waited for") {
  for (const char* device : {"eth9", "dummy0"}) {
    CAPTURE(device);
    const auto plan = plan_of({{route("192.0.2.153/32", device), Wish::announce}}, host());
    CHECK(words(plan).empty());
    CHECK(plan.outlooks[0].interface_missing);
    CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
  }
}

TEST_CASE("a link is up while it is wanted, and down while it is not") {
  const auto up = plan_of({{Advertisement::link("dummy0"), Wish::announce}}, host());
  CHECK(words(up) == Words{"set link dummy0 up"});
  CHECK(std::get<SetLink>(up.changes[0].change).index == 3);
  CHECK(up.outlooks[0].state == AdvertisementState::announced);
  CHECK(words(plan_of({{Advertisement::link("dummy0"), Wish::withdraw}}, host())).empty());
  const auto down = plan_of({{Advertisement::link("bond0"), Wish::withdraw}}, host());
  CHECK(words(down) == Words{"set link bond0 down"});
  CHECK(down.outlooks[0].state == AdvertisementState::withdrawn);
  CHECK(words(plan_of({}, host(), false, {Advertisement::link("bond0")})) == Words{"set link bond0 down"});
  const auto missing = plan_of({{Advertisement::link("eth9"), Wish::announce}}, host());
  CHECK(words(missing).empty());
  CHECK(missing.outlooks[0].interface_missing);
}

TEST_CASE("a link that the host needs is left as it is") {
  auto there = host();
  there.links[1].needed = "the default route goes through it";
  const auto plan = plan_of({{Advertisement::link("bond0"), Wish::withdraw}}, there);
  CHECK(words(plan).empty());
  CHECK(plan.outlooks[0].state == AdvertisementState::foreign);
  CHECK(plan.outlooks[0].needed == "the default route goes through it");
  CHECK(words(plan_of({}, there, true, {Advertisement::link("bond0")})).empty());
}

TEST_CASE("all kinds at once: removals first, and each change has its owner") {
  auto there = host({seen(kFour)});
  there.addresses = {{prefix("192.0.2.1"), 1, "lo", true, Fitness::exact, "", {}}};
  const std::vector<Desired> wanted{{{prefix("192.0.2.1"), "lo"}, Wish::withdraw},
                                    {kFour, Wish::withdraw},
                                    {kSix, Wish::announce},
                                    {Advertisement::link("dummy0"), Wish::announce},
                                    {{prefix("192.0.2.2"), "lo"}, Wish::announce}};
  const auto plan = plan_of(wanted, there);
  CHECK(words(plan) == Words{"remove 192.0.2.1/32 from lo", "remove 192.0.2.153/32 dev bond0",
                             "add 192.0.2.2/32 to lo", "add 2001:db8::153/128 dev bond0",
                             "set link dummy0 up"});
  std::vector<std::size_t> owners;
  for (const auto& each : plan.changes) owners.push_back(each.owner);
  CHECK(owners == std::vector<std::size_t>{0, 1, 4, 2, 3});
}

TEST_CASE("held: a route that is there stays as it is, and one that is not there is not added") {
  auto another_way = seen(kFour, kProtocolMark, 1);
  auto special = seen(kFour);
  special.plain = false;
  for (const auto& there : {seen(kFour), another_way, special}) {
    const auto plan = plan_of({{kFour, Wish::hold, 3s, true}}, host({there}));
    CHECK(words(plan).empty());
    CHECK(plan.outlooks[0].state == AdvertisementState::announced);
  }
  for (const auto& there : {seen(kSix), passing(seen(kSix))})
    CHECK(words(plan_of({{kSix, Wish::hold, 3s, true}}, host({there}))).empty());
  const auto plan = plan_of({{kFour, Wish::hold}}, host());
  CHECK(words(plan).empty());
  CHECK(plan.outlooks[0].state == AdvertisementState::withdrawn);
  // Of another metric it is not the one that is held.
  CHECK(words(plan_of({{kFour, Wish::hold}}, host({seen(with_metric(kFour, 7))}))) ==
        Words{"remove 192.0.2.153/32 dev bond0 metric 7"});
}

TEST_CASE(
    "held: an unmarked route stays foreign; with adopt it is held, and replaced only once it is wanted") {
  const auto foreign = plan_of({{kFour, Wish::hold}}, host({seen(kFour, 3)}));
  CHECK(words(foreign).empty());
  CHECK(foreign.outlooks[0].state == AdvertisementState::foreign);
  const auto adopted = plan_of({{kFour, Wish::hold}}, host({seen(kFour, 3)}), true);
  CHECK(words(adopted).empty());
  CHECK(adopted.outlooks[0].state == AdvertisementState::announced);
}

TEST_CASE("an IPv6 route has its lease in the kernel, and is renewed when it is due; an IPv4 one has none") {
  const auto added = plan_of({{kFour, Wish::announce, 3s}, {kSix, Wish::announce, 3s}}, host());
  REQUIRE(added.changes.size() == 2);
  CHECK_FALSE(std::get<AddRoute>(added.changes[0].change).lifetime);
  CHECK(std::get<AddRoute>(added.changes[1].change).lifetime == 3s);

  const auto there = host({seen(kFour), passing(seen(kSix))});
  CHECK(words(plan_of({{kFour, Wish::announce, 3s}, {kSix, Wish::announce, 3s}}, there)).empty());
  const auto renewal = plan_of({{kFour, Wish::announce, 3s, true}, {kSix, Wish::announce, 3s, true}}, there);
  CHECK(words(renewal) == Words{"renew 2001:db8::153/128 dev bond0"});
  const auto& renewed = std::get<AddRoute>(renewal.changes[0].change);
  CHECK(renewed.lifetime == 3s);
  CHECK(renewed.renew);
  CHECK_FALSE(renewed.replace);
  CHECK(renews(renewal.changes[0].change));
  CHECK_FALSE(announces(renewal.changes[0].change));
  CHECK(renewal.changes[0].owner == 1);
}

TEST_CASE("an IPv6 route that has a lifetime and should not, or the other way round, is replaced") {
  // The kernel gives no lifetime to a route that has none.
  const auto given = plan_of({{kSix, Wish::announce, 3s, true}}, host({seen(kSix)}));
  CHECK(words(given) == Words{"replace by 2001:db8::153/128 dev bond0"});
  CHECK(std::get<AddRoute>(given.changes[0].change).lifetime == 3s);
  const auto taken = plan_of({{kSix, Wish::announce}}, host({passing(seen(kSix))}));
  CHECK(words(taken) == Words{"replace by 2001:db8::153/128 dev bond0"});
  CHECK_FALSE(std::get<AddRoute>(taken.changes[0].change).lifetime);
}

TEST_CASE("beside a foreign route, ours is renewed, and not replaced") {
  auto foreign = seen(kSix, 3, 1);
  const auto exact = plan_of({{kSix, Wish::announce, 3s, true}}, host({foreign, passing(seen(kSix))}));
  CHECK(words(exact) == Words{"renew 2001:db8::153/128 dev bond0"});
  CHECK(exact.outlooks[0].state == AdvertisementState::foreign);
  CHECK(words(plan_of({{kSix, Wish::announce, 3s, true}}, host({seen(kSix), foreign}))).empty());
}

TEST_CASE("held: a link stays as it is, up or down") {
  const auto up = plan_of({{Advertisement::link("bond0"), Wish::hold}}, host());
  CHECK(words(up).empty());
  CHECK(up.outlooks[0].state == AdvertisementState::announced);
  const auto down = plan_of({{Advertisement::link("dummy0"), Wish::hold}}, host());
  CHECK(words(down).empty());
  CHECK(down.outlooks[0].state == AdvertisementState::withdrawn);
}

TEST_CASE("which the kernel ends by itself") {
  CHECK(kernel_ends({prefix("192.0.2.1"), "lo"}));
  CHECK(kernel_ends({prefix("2001:db8::1"), "lo"}));
  CHECK(kernel_ends(kSix));
  CHECK_FALSE(kernel_ends(kFour));
  CHECK_FALSE(kernel_ends(Advertisement::link("dummy0")));
}
