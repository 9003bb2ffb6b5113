#include "core/metrics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

using namespace anyprobe;

namespace {

Survey told() {
  InstanceStatus one;
  one.name = "anyprobe";
  one.version = "0.1.0";
  one.problems = {"something"};
  ServiceStatus dns;
  dns.name = "dns";
  dns.health = HealthState::up;
  dns.advertise = {{"192.0.2.1/32 on lo", AdvertisementState::announced, {true, 2}}};
  ServiceStatus ns;
  ns.name = "n\"s\n";
  ns.health = HealthState::down;
  ns.admin = AdminState::drained;
  ns.advertise = {{"192.0.2.9/32 on lo", AdvertisementState::announced}, {"link dummy0"}};
  ns.advertise[0].last_instance = true;
  one.services = {dns, ns};
  InstanceStatus dead;
  dead.name = "dns-probe";
  dead.state = "dead";
  return {{one, dead}, {}};
}

// The samples, without what is said of them.
std::vector<std::string> samples(const Survey& survey) {
  const auto text = metrics_text(survey);
  REQUIRE(text);
  std::vector<std::string> out;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#')) out.push_back(line);
  }
  return out;
}

bool has(const std::string& line) {
  const auto all = samples(told());
  return std::find(all.begin(), all.end(), line) != all.end();
}

}  // namespace

TEST_CASE("metrics: each service and each of what it announces") {
  CHECK(has(R"(anyprobe_daemon_up{daemon="anyprobe"} 1)"));
  CHECK(has(R"(anyprobe_daemon_up{daemon="dns-probe"} 0)"));
  CHECK(has(R"(anyprobe_daemon_problems{daemon="anyprobe"} 1)"));
  CHECK(has(R"(anyprobe_service_up{daemon="anyprobe",service="dns"} 1)"));
  CHECK(has(R"(anyprobe_service_up{daemon="anyprobe",service="n\"s\n"} 0)"));
  CHECK(has(R"(anyprobe_service_drained{daemon="anyprobe",service="dns"} 0)"));
  CHECK(has(R"(anyprobe_service_drained{daemon="anyprobe",service="n\"s\n"} 1)"));
  const std::string dns = R"({daemon="anyprobe",service="dns",advertisement="192.0.2.1/32 on lo"} )";
  CHECK(has("anyprobe_advertisement_announced" + dns + "1"));
  CHECK(has("anyprobe_advertisement_confirmed" + dns + "1"));
  CHECK(has("anyprobe_advertisement_others" + dns + "2"));
  CHECK(has("anyprobe_advertisement_last_instance" + dns + "0"));
  CHECK(has(R"(anyprobe_advertisement_last_instance{daemon="anyprobe",service="n\"s\n",)"
            R"(advertisement="192.0.2.9/32 on lo"} 1)"));
}

TEST_CASE("metrics: what cannot be told has no number, and where nobody runs there is none") {
  const auto all = samples(told());
  CHECK(std::count_if(all.begin(), all.end(), [](const auto& line) {
          return line.starts_with("anyprobe_advertisement_confirmed") ||
                 line.starts_with("anyprobe_advertisement_others");
        }) == 2);
  CHECK(samples({}).empty());
}

TEST_CASE("metrics: what is counted") {
  auto survey = told();
  auto& one = survey.instances[0];
  one.counts = InstanceCounts{3, 4'000'000'000};
  ServiceCounts counts;
  counts.types = "dns+tcp";
  counts.checks = {
      {Verdict::pass, "answer", 5}, {Verdict::fail, "refused", 2}, {Verdict::local_error, "late", 1}};
  counts.bounds = {std::chrono::microseconds(500), std::chrono::microseconds(2'500'000)};
  counts.buckets = {4, 2, 1};
  counts.total = std::chrono::microseconds(1'250'000);
  counts.became_up = 2;
  counts.became_down = 1;
  one.services[0].counts = counts;
  const auto all = samples(survey);
  for (
      const auto* line : {
          R"(anyprobe_build_info{daemon="anyprobe",version="0.1.0"} 1)",
          R"(anyprobe_netlink_errors_total{daemon="anyprobe"} 3)",
          R"(anyprobe_lease_renewals_total{daemon="anyprobe"} 4000000000)",
          R"(anyprobe_service_announced{daemon="anyprobe",service="dns"} 1)",
          R"(anyprobe_service_announced{daemon="anyprobe",service="n\"s\n"} 0)",
          R"(anyprobe_checks_total{daemon="anyprobe",service="dns",verdict="pass",reason="answer"} 5)",
          R"(anyprobe_checks_total{daemon="anyprobe",service="dns",verdict="fail",reason="refused"} 2)",
          R"(anyprobe_checks_total{daemon="anyprobe",service="dns",verdict="local_error",reason="late"} 1)",
          R"(anyprobe_check_duration_seconds_bucket{daemon="anyprobe",service="dns",type="dns+tcp",le="0.0005"} 4)",
          R"(anyprobe_check_duration_seconds_bucket{daemon="anyprobe",service="dns",type="dns+tcp",le="2.5"} 6)",
          R"(anyprobe_check_duration_seconds_bucket{daemon="anyprobe",service="dns",type="dns+tcp",le="+Inf"} 7)",
          R"(anyprobe_check_duration_seconds_count{daemon="anyprobe",service="dns",type="dns+tcp"} 7)",
          R"(anyprobe_check_duration_seconds_sum{daemon="anyprobe",service="dns",type="dns+tcp"} 1.25)",
          R"(anyprobe_transitions_total{daemon="anyprobe",service="dns",to="up"} 2)",
          R"(anyprobe_transitions_total{daemon="anyprobe",service="dns",to="down"} 1)",
          R"(anyprobe_transitions_total{daemon="anyprobe",service="dns",to="unknown"} 0)",
      }) {
    CAPTURE(line);
    CHECK(std::find(all.begin(), all.end(), line) != all.end());
  }
  // What the daemon says of it is what is read.
  const auto running = read_status(status_json(std::span(&one, 1), false));
  CHECK_FALSE(running);  // without a pid it is none that runs
  one.pid = 7;
  const auto read = read_status(status_json(std::span(&one, 1), false));
  REQUIRE(read);
  CHECK(read->counts == one.counts);
  CHECK(read->services[0].counts == counts);
  CHECK_FALSE(read->services[1].counts);
}
