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
