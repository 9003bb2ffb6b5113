#include "core/status.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/status_table.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

WallTime at(const char* text) {
  const auto time = parse_time(text);
  REQUIRE(time);
  return *time;
}

InstanceStatus some() {
  InstanceStatus out;
  out.name = "anyprobe";
  out.pid = 4242;
  out.version = "0.1.0";
  out.uptime = 3h + 125s;
  out.problems = {"interface eth7 is missing"};
  out.reloads_asked = 2;
  out.reloads_done = 1;
  ServiceStatus dns;
  dns.name = "dns";
  dns.health = HealthState::up;
  dns.reason = "answer";
  dns.detail = "NOERROR from 127.0.0.1:53";
  dns.since = at("2026-11-25T09:01:07.005Z");
  dns.last_check = CheckStatus{at("2026-11-25T12:00:00.000Z"), Verdict::pass, "answer", 1234us};
  dns.advertise = {
      {"192.0.2.1/32 on lo", AdvertisementState::announced, {true, 2}},
      {"192.0.2.2/32 on eth7", AdvertisementState::withdrawn, {false, 0}, at("2026-11-25T12:02:10.250Z")},
      {"192.0.2.3/32 on lo", AdvertisementState::foreign}};
  ServiceStatus radius;
  radius.name = "radius";
  radius.since = at("2026-11-25T12:00:00.000Z");
  radius.advertise = {{"192.0.2.4/32 on lo", AdvertisementState::withdrawn}};
  radius.advertise[0].last_instance = true;
  radius.token = TokenStatus{{"192.0.2.99/32 on lo", AdvertisementState::announced, {true, 1}},
                             DrainQueue::State::claiming};
  out.services = {dns, radius};
  return out;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string error_of(const json& value) {
  const auto got = read_status(value.dump());
  return got ? "" : got.error();
}

}  // namespace

TEST_CASE("status: times are UTC, to the millisecond, and are read as they are written") {
  for (const char* text :
       {"2026-11-25T12:02:07.123Z", "2024-02-29T23:59:59.999Z", "1970-01-01T00:00:00.000Z"})
    CHECK(to_text(at(text)) == text);
  CHECK(at("1970-01-02T00:00:01.005Z").time_since_epoch() == 86401005ms);
  for (const char* text : {"", "2026-11-25T12:02:07Z", "2026-11-25 12:02:07.123Z", "2026-13-25T12:02:07.123Z",
                           "2025-02-29T12:02:07.123Z", "2026-11-25T24:02:07.123Z", "2026-11-25T12:02:07.12 Z",
                           "2026-11-25T12:02:07.123+", "-026-11-25T12:02:07.123Z"})
    CHECK_FALSE_MESSAGE(parse_time(text), text);
}

TEST_CASE("status: a moment keeps its time of day while the clocks drift, and follows a clock that is set") {
  WallClock clock;
  const TimePoint moment(100s);
  const std::chrono::system_clock::time_point wall(1000s);
  const auto first = clock.at(moment, TimePoint(200s), wall);
  CHECK(first.time_since_epoch() == 900s);
  CHECK(clock.at(moment, TimePoint(300s), wall + 100s + 400ms) == first);
  CHECK(clock.at(moment, TimePoint(300s), wall + 100s - 400ms) == first);
  CHECK(clock.at(moment, TimePoint(300s), wall + 100s + 24h) == first + 24h);
  CHECK(clock.at(moment, TimePoint(300s), wall + 100s) == first);
}

TEST_CASE("status: the JSON has the names that scripts know") {
  const auto got = json::parse(status_json(std::vector{some()}, true));
  const auto expected = json::parse(R"({
    "services": [
      {"name": "dns", "instance": "anyprobe", "health": "up", "admin": "active", "reason": "answer",
       "detail": "NOERROR from 127.0.0.1:53", "since": "2026-11-25T09:01:07.005Z",
       "last_check": {"at": "2026-11-25T12:00:00.000Z", "verdict": "pass", "reason": "answer", "duration_ms": 1.234},
       "advertise": [
         {"what": "192.0.2.1/32 on lo", "state": "announced", "waiting": null, "confirmed": true, "others": 2,
          "last_instance": false},
         {"what": "192.0.2.2/32 on eth7", "state": "withdrawn",
          "waiting": {"to": "announce", "until": "2026-11-25T12:02:10.250Z", "reason": "lsa_spacing"},
          "confirmed": false, "others": 0, "last_instance": false},
         {"what": "192.0.2.3/32 on lo", "state": "foreign", "waiting": null,
          "confirmed": null, "others": null, "last_instance": false}], "drain_token": null},
      {"name": "radius", "instance": "anyprobe", "health": "unknown", "admin": "active", "reason": null,
       "detail": null, "since": "2026-11-25T12:00:00.000Z", "last_check": null,
       "advertise": [{"what": "192.0.2.4/32 on lo", "state": "withdrawn", "waiting": null,
          "confirmed": null, "others": null, "last_instance": true}],
       "drain_token": {"what": "192.0.2.99/32 on lo", "state": "announced", "waiting": null, "confirmed": true,
          "others": 1, "queue": "claiming"}}],
    "instances": [
      {"name": "anyprobe", "state": "running", "pid": 4242, "version": "0.1.0", "uptime_s": 10925,
       "reloads_asked": 2, "reloads_done": 1, "problems": ["interface eth7 is missing"]}]})");
  CHECK(got == expected);

  InstanceStatus stopped;
  stopped.name = "dns-probe";
  stopped.state = "suspended";
  const auto both = json::parse(status_json(std::vector{some(), stopped}, false));
  CHECK(both["services"].size() == 2);
  CHECK(both["instances"][1] == json::parse(R"({"name": "dns-probe", "state": "suspended", "pid": null,
    "version": null, "uptime_s": null, "reloads_asked": null, "reloads_done": null, "problems": []})"));
  CHECK(status_json({}, false) == R"({"services":[],"instances":[]})");
}

TEST_CASE("status: what a daemon says is read back") {
  const auto got = read_status(status_json(std::vector{some()}, false));
  REQUIRE_MESSAGE(got, (got ? "" : got.error()));
  CHECK(*got == some());
  auto odd = some();
  odd.services[0].detail = "\xff\x1b[2J";  // of a probe that passes on what it was sent
  CHECK(read_status(status_json(std::vector{odd}, false)));
}

TEST_CASE("status: of what is no status, the first thing wrong is named") {
  CHECK(error_of("x") == "\"instances\" is missing or is not as it should be");
  CHECK(read_status("{\"services\":[").error() == "it is no JSON");
  CHECK(read_status("").error() == "it is no JSON");
  const auto good = json::parse(status_json(std::vector{some()}, false));
  REQUIRE(error_of(good).empty());
  const auto broken = [&](const char* pointer, const json& value) {
    auto copy = good;
    copy[json::json_pointer(pointer)] = value;
    const auto error = error_of(copy);
    return error.substr(0, error.find(" is missing"));
  };
  CHECK(broken("/instances", json::array()) == "\"instances\"");
  CHECK(broken("/instances/1", good["instances"][0]) == "\"instances\"");
  CHECK(broken("/instances/0", "x") == "\"name\"");
  CHECK(broken("/instances/0/state", "suspended") == "\"state\"");
  CHECK(broken("/instances/0/version", "") == "\"state\"");
  CHECK(broken("/instances/0/pid", -1) == "\"pid\"");
  CHECK(broken("/instances/0/pid", 4294967296) == "\"pid\"");
  CHECK(broken("/instances/0/uptime_s", 1.5) == "\"uptime_s\"");
  CHECK(broken("/instances/0/problems/0", 7) == "\"problems\"");
  CHECK(broken("/services", "x") == "\"services\"");
  CHECK(broken("/services/0", 7) == "\"name\"");
  CHECK(broken("/services/0/health", "well") == "\"health\"");
  CHECK(broken("/services/0/admin", nullptr) == "\"admin\"");
  CHECK(broken("/services/0/since", "yesterday") == "\"since\"");
  CHECK(broken("/services/0/last_check", "x") == "\"at\"");
  CHECK(broken("/services/0/last_check/duration_ms", -1) == "\"duration_ms\"");
  CHECK(broken("/services/0/last_check/duration_ms", 1e300) == "\"duration_ms\"");
  CHECK(broken("/services/0/advertise/0/state", "lost") == "\"state\"");
  CHECK(broken("/services/0/advertise/0/confirmed", "yes") == "\"confirmed\"");
  CHECK(broken("/services/0/advertise/0/others", -1) == "\"others\"");
  CHECK(broken("/services/0/advertise/0/others", 1.5) == "\"others\"");
  CHECK(broken("/services/0/advertise", json::object()) == "\"advertise\"");
}

TEST_CASE(
    "status: the table has a line a service, and one for each advertisement that is not as it should be") {
  auto other = some();
  other.name = "second";
  other.problems.clear();
  other.services.erase(other.services.begin());
  auto& service = other.services[0];
  service.health = HealthState::down;
  service.reason = "refused";
  service.last_check = CheckStatus{service.since, Verdict::local_error, "no_route", 10us};
  service.advertise[0].state = AdvertisementState::announced;
  service.token->queue = DrainQueue::State::returning;
  service.token->advertisement.routing = {};
  const auto table = status_table(std::vector{some(), other}, at("2026-11-25T12:02:07.123Z"));
  CHECK(lines(table) == std::vector<std::string>{
                            "anyprobe: pid 4242, version 0.1.0, for 3h 2m",
                            "  problem: interface eth7 is missing",
                            "SERVICE  HEALTH    FOR       LAST CHECK   REASON",
                            "dns      up        3h 1m     pass 1.2ms   answer, NOERROR from 127.0.0.1:53",
                            "  192.0.2.2/32 on eth7 is withdrawn, to be announced in 3.1s (lsa_spacing)",
                            "  192.0.2.3/32 on lo is foreign",
                            "  confirmed: 1 of 3, other routers: 0 to 2",
                            "radius   unknown   2m 7s     none",
                            "  drain token 192.0.2.99/32 on lo: waits for its turn, other routers: 1",
                            "",
                            "second: pid 4242, version 0.1.0, for 3h 2m",
                            "SERVICE  HEALTH    FOR       LAST CHECK   REASON",
                            "radius   down      2m 7s     local_error  refused",
                            "  192.0.2.4/32 on lo is still announced",
                            "  drain token 192.0.2.99/32 on lo: held until the service is back",
                        });
}

TEST_CASE("status: the table has 80 columns and no command to a terminal, whatever it is told") {
  auto odd = some();
  odd.name = std::string(200, 'n');
  odd.version = "\x1b[2J\r\n";
  odd.problems = {std::string(500, 'p'), "words " + std::string(300, 'q') + " more\twords",
                  "\xc2\x9b"
                  "31m",
                  ""};
  for (auto& service : odd.services) {
    service.name = std::string(64, 's');
    service.detail = "\x1b]0;x\x07" + std::string(300, 'd');
    service.since = at("0000-01-01T00:00:00.000Z");
    service.admin = AdminState::draining;
    service.last_check = CheckStatus{service.since, Verdict::fail, "timeout", 1'000'000'000'000us};
    service.advertise[0] = {std::string(90, 'a') + " on lo", AdvertisementState::foreign};
  }
  for (const auto& line : lines(status_table(std::vector{odd}, WallTime(0ms)))) {
    CHECK_MESSAGE(line.size() <= 80, line);
    CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }
}

TEST_CASE("status: durations for people") {
  CHECK(rough(-5s) == "0s");
  CHECK(rough(59'999ms) == "59s");
  CHECK(rough(60s) == "1m 0s");
  CHECK(rough(3599s) == "59m 59s");
  CHECK(rough(23h + 59min) == "23h 59m");
  CHECK(rough(100h) == "4d 4h");
}

TEST_CASE("status: the table tells what waits, and what for") {
  auto one = some();
  const auto now = at("2026-11-25T12:02:07.000Z");
  CHECK(status_table(std::vector{one}, now)
            .find("  192.0.2.2/32 on eth7 is withdrawn, to be announced in 3.2s (lsa_spacing)\n") !=
        std::string::npos);
  // Announced as it should be, and about to go.
  one.services[0].advertise[0].waits_until = now + 250ms;
  CHECK(status_table(std::vector{one}, now)
            .find("  192.0.2.1/32 on lo is still announced, to be withdrawn in 250ms (lsa_spacing)\n") !=
        std::string::npos);
  CHECK(status_table(std::vector{one}, now + 1h).find("in 0.0ms") != std::string::npos);
}
