#include "core/watch_screen.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

const WallTime kNow(500'000h);

ServiceStatus service(const std::string& name, HealthState health) {
  ServiceStatus out;
  out.name = name;
  out.health = health;
  out.reason = "answer";
  out.since = kNow - 65s;
  const auto state =
      health == HealthState::up ? AdvertisementState::announced : AdvertisementState::withdrawn;
  out.advertise = {{"192.0.2.1/32 on lo", state, {true, 2}}};
  out.advertise[0].detail = AdvertisementDetail{kNow - 3h, std::nullopt};
  out.history.emplace();
  out.history->recent = {{kNow, Verdict::pass, "ok", 1ms},
                         {kNow, Verdict::fail, "timeout", 1ms},
                         {kNow, Verdict::local_error, "no_route", 1ms}};
  return out;
}

Survey some(std::size_t well = 0) {
  InstanceStatus out;
  out.name = "anyprobe";
  out.version = "0.1.0";
  for (std::size_t i = 0; i < well; ++i)
    out.services.push_back(service("well" + std::to_string(i), HealthState::up));
  out.services.push_back(service("up", HealthState::up));
  out.services.push_back(service("new", HealthState::unknown));
  out.services.push_back(service("down", HealthState::down));
  return {{out}, {}};
}

std::vector<std::string> names(const Screen& screen, std::size_t from = 2) {
  std::vector<std::string> out;
  for (std::size_t i = from; i < screen.lines.size(); ++i)
    out.push_back(screen.lines[i].substr(0, screen.lines[i].find(' ')));
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("screen: those that are not well come first, each with what is known of it") {
  const auto screen = watch_screen(some(), kNow, {24, 80}, 0, false);
  REQUIRE(screen.lines.size() == 5);
  CHECK(screen.lines[0] == "08:00:00Z  3 services, 2 not well  (q ends, arrows scroll)");
  CHECK(names(screen) == Texts{"down", "new", "up"});
  CHECK(screen.lines[2] == "down            down     1m 5s            .x? no          2      answer");
  CHECK(screen.lines[4] == "up              up       1m 5s            .x? 3h 0m       2      answer");
  auto told = some();
  told.instances[0].services[0].advertise[0].routing.confirmed = false;
  CHECK(names(watch_screen(told, kNow, {24, 80}, 0, false)) == Texts{"down", "up", "new"});
  told.instances[0].services[2].admin = AdminState::drained;
  CHECK(names(watch_screen(told, kNow, {24, 80}, 0, false)) == Texts{"up", "new", "down"});
}

TEST_CASE("screen: of more services than lines, some are shown, and the others by scrolling") {
  const auto told = some(20);
  auto screen = watch_screen(told, kNow, {10, 80}, 0, false);
  CHECK(screen.lines.size() == 10);
  CHECK(screen.page == 8);
  CHECK(names(screen).front() == "down");
  screen = watch_screen(told, kNow, {10, 80}, 3, false);
  CHECK(names(screen).front() == "well1");
  screen = watch_screen(told, kNow, {10, 80}, 1000, false);
  CHECK(screen.first == 15);
  CHECK(names(screen).back() == "up");
}

TEST_CASE("screen: it fits, whatever it is told and however small it is") {
  auto told = some(3);
  for (auto& each : told.instances[0].services) {
    each.name = "\x1b]0;x\x07" + std::string(100, 'n');
    each.detail = "\x1b[2J\r\n\xc2\x9b" + std::string(300, 'd');
  }
  told.instances[0].problems.assign(50, "\x1b[2J" + std::string(300, 'p'));
  told.complaints.assign(9, {kHangs, "hangs", std::string(200, '\x1b')});
  for (const std::size_t rows : {1U, 2U, 3U, 4U, 5U, 24U, 100U}) {
    for (const std::size_t columns : {20U, 79U, 200U}) {
      const auto screen = watch_screen(told, kNow, {rows, columns}, 7, false);
      CHECK(screen.lines.size() <= rows);
      for (const auto& line : screen.lines) {
        CHECK(line.size() <= columns);
        CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
      }
    }
  }
  CHECK(watch_screen({}, kNow, {1, 1}, 7, true).lines.size() == 1);
  CHECK(watch_screen(some(), kNow, {24, 80}, 0, true).lines[2].find("\x1b[1;31mdown\x1b[0m") !=
        std::string::npos);
}
