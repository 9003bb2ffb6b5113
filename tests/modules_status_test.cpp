#include "core/modules_status.hpp"

#include <doctest/doctest.h>

#include "core/check_counts.hpp"
#include "fake_table.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using State = AdvertisementState;

namespace {

const WallTime kNoon{std::chrono::seconds(1'764'158'400)};

ServiceStatus service(const std::string& name, const std::string& what = "192.0.2.2/32 on lo") {
  ServiceStatus out;
  out.name = name;
  out.health = HealthState::up;
  out.reason = "mood";
  out.detail = "well";
  out.since = kNoon;
  out.history.emplace();
  AdvertisementStatus one{what, State::announced};
  one.routing = {true, 3};
  one.last_instance = true;
  one.detail = AdvertisementDetail{kNoon, Announcers{{"198.51.100.1", false}}};
  out.advertise = {one};
  return out;
}

InstanceStatus part(std::vector<ServiceStatus> services) {
  InstanceStatus out;
  out.name = "whatever it likes";
  out.version = "1.2.3";
  out.pid = 4242;
  out.services = std::move(services);
  return out;
}

ServiceCounts counts() {
  ServiceCounts out;
  out.types = "moody";
  out.bounds.assign(CheckCounts::kBounds.begin(), CheckCounts::kBounds.end());
  out.buckets.assign(CheckCounts::kBounds.size() + 1, 1);
  return out;
}

// One service of modules, whose address is the third of the configuration.
struct House {
  House() {
    status.expect({{"moody", {on_lo("192.0.2.2/32")}, false, 2}}, kNoon);
    status.see({State::announced, State::announced, State::foreign});
  }
  ServiceStatus told() {
    const auto now = status.now();
    REQUIRE(now.services.size() == 1);
    return now.services.front();
  }

  ModulesStatus status{"anyprobe-modules"};
};

}  // namespace

TEST_CASE(
    "modules: what their prober says of its services is told, and what is in the kernel the keeper says") {
  House house;
  house.status.take(0, part({service("moody")}));
  house.status.well();
  const auto now = house.status.now();
  CHECK(now.name == "anyprobe-modules");
  CHECK(now.version == "1.2.3");
  const auto one = house.told();
  CHECK(one.health == HealthState::up);
  CHECK(one.detail == "well");
  REQUIRE(one.advertise.size() == 1);
  CHECK(one.advertise.front().what == "192.0.2.2/32 on lo");
  CHECK(one.advertise.front().state == State::foreign);
  CHECK(one.advertise.front().routing == Confirmation{true, 3});
  CHECK(one.advertise.front().last_instance);
  REQUIRE(one.advertise.front().detail);
  CHECK(one.advertise.front().detail->announcers == Announcers{{"198.51.100.1", false}});
  CHECK_FALSE(one.advertise.front().detail->since);  // it says so of another state
}

TEST_CASE("modules: of what is not theirs nothing is believed") {
  House house;
  auto mine = service("moody", "192.0.2.1/32 on lo");
  mine.advertise.push_back(mine.advertise.front());
  house.status.take(0, part({service("plain"), mine, service("moody"), service("other")}));
  house.status.well();
  const auto one = house.told();
  CHECK(one.name == "moody");
  REQUIRE(one.advertise.size() == 1);
  CHECK(one.advertise.front().what == "192.0.2.2/32 on lo");
  CHECK(one.advertise.front().routing == Confirmation());
  CHECK_FALSE(one.advertise.front().last_instance);
}

TEST_CASE("modules: where nothing is told of a service, it is unknown") {
  House house;
  CHECK(house.told().health == HealthState::unknown);
  CHECK(house.told().since == kNoon);
  CHECK(house.status.now().state == "starting");
  house.status.take(0, part({}));
  house.status.well();
  CHECK(house.status.now().state == "running");
  CHECK(house.told().health == HealthState::unknown);
}

TEST_CASE("modules: one that does not answer has its services as they were, but nobody knows their health") {
  House house;
  auto mine = service("moody");
  mine.history->recent.push_back({kNoon, Verdict::pass, "mood", 1ms});
  mine.counts = counts();
  house.status.take(0, part({mine}));
  house.status.well();
  house.status.trouble("hangs", "hangs", kNoon + 10s);
  house.status.trouble("headless", "has no prober now", kNoon + 20s);
  const auto now = house.status.now();
  CHECK(now.state == "headless");
  CHECK(now.version.empty());
  CHECK(now.problems == std::vector<std::string>{"anyprobe-modules has no prober now"});
  auto one = house.told();
  CHECK(one.health == HealthState::unknown);
  CHECK(one.reason == "not_answering");
  CHECK(one.detail == "anyprobe-modules has no prober now; it was up");
  CHECK(one.since == kNoon + 10s);
  CHECK(one.history->recent.size() == 1);
  CHECK(one.advertise.front().state == State::foreign);
  CHECK(one.advertise.front().routing == Confirmation());
  CHECK_FALSE(one.counts);
  // What the keeper says goes on being told.
  house.status.see({State::announced, State::announced, State::withdrawn});
  CHECK(house.told().advertise.front().state == State::withdrawn);
  house.status.well();
  CHECK(house.told().health == HealthState::up);
  CHECK(house.told().counts);
}

TEST_CASE("modules: another configuration keeps what is known of what is in it") {
  House house;
  house.status.take(0, part({service("moody")}));
  house.status.well();
  house.status.expect(
      {{"new", {on_lo("192.0.2.9/32")}, false, 0}, {"moody", {on_lo("192.0.2.2/32")}, false, 1}}, kNoon + 5s);
  auto now = house.status.now();
  REQUIRE(now.services.size() == 2);
  CHECK(now.services[0].name == "new");
  CHECK(now.services[0].health == HealthState::unknown);
  CHECK(now.services[0].since == kNoon + 5s);
  CHECK(now.services[1].health == HealthState::up);
  CHECK(now.services[1].advertise.front().state == State::foreign);
  // Fewer states than there should be are no harm.
  house.status.see({State::announced});
  now = house.status.now();
  CHECK(now.services[0].advertise.front().state == State::announced);
  CHECK(now.services[1].advertise.front().state == State::withdrawn);
  house.status.expect({}, kNoon);
  CHECK_FALSE(house.status.any());
}

TEST_CASE("modules: of many services, each part tells of its own") {
  ModulesStatus status("anyprobe-modules");
  std::vector<ServiceElsewhere> all;
  for (std::size_t i = 0; i < kServicesOfPart + 1; ++i)
    all.push_back({"s" + std::to_string(i), {}, false, 0});
  all.back().advertise.assign(1000, on_lo("192.0.2.2/32"));
  status.expect(all, kNoon);
  CHECK_FALSE(status.is_last_part(0));
  CHECK(status.is_last_part(kServicesOfPart));
  CHECK(status.largest_part(kServicesOfPart) > status.largest_part(0) + 1'000'000);
  status.take(kServicesOfPart, part({service("s0"), service(all.back().name)}));
  status.well();
  CHECK(status.now().services.front().health == HealthState::unknown);
  CHECK(status.now().services.back().health == HealthState::up);
  status.take(0, part({service("s0")}));
  CHECK(status.now().services.front().health == HealthState::up);
  CHECK(status.now().services.back().health == HealthState::up);
}

TEST_CASE("modules: a token is told as what is in the kernel, with its place in the queue") {
  ModulesStatus status("anyprobe-modules");
  status.expect({{"moody", {on_lo("192.0.2.2/32"), on_lo("192.0.2.3/32")}, true, 0}}, kNoon);
  status.see({State::announced, State::announced});
  auto mine = service("moody");
  mine.token = TokenStatus{{"192.0.2.3/32 on lo", State::withdrawn, {false, 7}}, DrainQueue::State::holding};
  status.take(0, part({mine}));
  status.well();
  const auto one = status.now().services.front();
  CHECK(one.advertise.size() == 1);
  REQUIRE(one.token);
  CHECK(one.token->queue == DrainQueue::State::holding);
  CHECK(one.token->advertisement.state == State::announced);
  CHECK(one.token->advertisement.routing == Confirmation{false, 7});
}

TEST_CASE("modules: what would spoil metrics or a line is mended") {
  House house;
  auto mine = service("moody");
  mine.reason = "no\nword";
  mine.detail = "two\nlines";
  mine.last_check = CheckStatus{kNoon, Verdict::fail, std::string(1000, 'x'), 1ms};
  mine.history->recent.assign(100, *mine.last_check);
  mine.history->transitions.assign(100, {kNoon, HealthState::down, "a b", std::string(1000, 'y')});
  mine.counts = counts();
  mine.counts->types = "mo\"ody\n";
  mine.counts->checks = {{Verdict::fail, "a b", 1}, {Verdict::pass, "a_b", 2}, {Verdict::fail, "a_b", 4}};
  for (int i = 0; i < 1000; ++i) mine.counts->checks.push_back({Verdict::fail, std::to_string(i), 1});
  auto said = part({mine});
  said.problems.assign(100, "a\nb");
  said.version = "1\n2";
  house.status.take(0, said);
  house.status.well();
  CHECK(house.status.now().version == "1_2");
  CHECK(house.status.now().problems.size() == 20);
  CHECK(house.status.now().problems.front() == "a");
  const auto one = house.told();
  CHECK(one.reason == "no_word");
  CHECK(one.detail == "two");
  CHECK(one.last_check->reason.size() == 64);
  CHECK(one.history->recent.size() == 32);
  CHECK(one.history->transitions.size() == 16);
  CHECK(one.history->transitions.front().detail.size() < 300);
  REQUIRE(one.counts);
  CHECK(one.counts->types == "mo\"ody_");
  CHECK(one.counts->checks.size() == 64);
  CHECK(one.counts->checks[0] == ServiceCounts::Check{Verdict::fail, "a_b", 5});
  CHECK(one.counts->checks[1] == ServiceCounts::Check{Verdict::pass, "a_b", 2});

  mine.counts->bounds.back() += 1us;  // metrics of one name have the same buckets
  house.status.take(0, part({mine}));
  CHECK_FALSE(house.told().counts);
}
