#include "core/check_counts.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/status.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

TEST_CASE("checks are counted by what came of them and how long they took") {
  CheckCounts counts;
  counts.add(Verdict::pass, "answer", 500us);
  counts.add(Verdict::pass, "answer", 500us + 1ns);
  counts.add(Verdict::fail, "timeout", 1h);
  counts.add(Verdict::fail, "answer", 0s);
  counts.add(Verdict::local_error, "late", 3ms);
  REQUIRE(counts.outcomes().size() == 4);
  CHECK(counts.outcomes()[0].name() == "answer");
  CHECK(counts.outcomes()[0].times == 2);
  CHECK(counts.outcomes()[2].verdict == Verdict::fail);
  CHECK(counts.buckets().front() == 2);
  CHECK(counts.buckets()[1] == 1);
  CHECK(counts.buckets().back() == 1);
  CHECK(counts.total() == 1h + 1001us);
  counts.add(HealthState::up);
  counts.add(HealthState::down);
  counts.add(HealthState::up);
  CHECK(counts.transitions()[static_cast<std::size_t>(HealthState::up)] == 2);
  CHECK(counts.transitions()[static_cast<std::size_t>(HealthState::down)] == 1);
  CHECK(sizeof(CheckCounts) <= 100);
}

TEST_CASE("counts that are not as they should be are none") {
  ServiceCounts good;
  good.types = "dns";
  good.checks = {{Verdict::fail, "refused", 7}};
  good.bounds = {1us, 2us};
  good.buckets = {1, 2, 3};
  const auto text = as_json(good).dump();
  const auto read = [](const std::string& from) { return read_service_counts(nlohmann::json::parse(from)); };
  CHECK(read(text) == good);
  const auto with = [&](const char* key, const nlohmann::json& value) {
    auto changed = nlohmann::json::parse(text);
    changed[key] = value;
    return read_service_counts(changed);
  };
  CHECK_FALSE(with("buckets", {1, 2}));
  CHECK_FALSE(with("buckets", {1, 2, -3}));
  CHECK_FALSE(with("bounds_us", {2, 1}));
  CHECK_FALSE(with("bounds_us", {1, 1e300}));
  CHECK_FALSE(with("total_us", 18446744073709551615ULL));
  CHECK_FALSE(with("became_up", "7"));
  CHECK_FALSE(with("types", 7));
  CHECK_FALSE(with("checks", nlohmann::json::array({7})));
  CHECK_FALSE(with("checks", nlohmann::json::object()));
  CHECK_FALSE(with("buckets", std::vector<int>(1000)));
  for (const auto* odd : {"null", "[]", "{}", "7", "\"x\""}) {
    CHECK_FALSE(read(odd));
    CHECK_FALSE(read_instance_counts(nlohmann::json::parse(odd)));
  }
}
