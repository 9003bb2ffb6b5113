// What is counted, to JSON and back.
#include <limits>
#include <nlohmann/json.hpp>

#include "status.hpp"

namespace anyprobe {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMostBuckets = 100;
constexpr Verdict kVerdicts[] = {Verdict::pass, Verdict::fail, Verdict::local_error};

bool take(const json& from, std::uint64_t& to) {
  if (!from.is_number_unsigned() || from.get<std::uint64_t>() > kMost) return false;
  to = from.get<std::uint64_t>();
  return true;
}

bool take(const json& from, const char* key, std::uint64_t& to) {
  return from.is_object() && from.contains(key) && take(from[key], to);
}

bool take(const json& from, const char* key, std::string& to) {
  if (!from.is_object() || !from.contains(key) || !from[key].is_string()) return false;
  to = from[key].get<std::string>();
  return true;
}

bool take(const json& from, const char* key, std::vector<std::uint64_t>& to) {
  if (!from.is_object() || !from.contains(key) || !from[key].is_array() || from[key].size() > kMostBuckets)
    return false;
  for (const auto& each : from[key]) {
    if (!take(each, to.emplace_back())) return false;
  }
  return true;
}

bool take(const json& from, ServiceCounts::Check& to) {
  std::string verdict;
  if (!take(from, "verdict", verdict) || !take(from, "reason", to.reason) || !take(from, "times", to.times))
    return false;
  for (const auto each : kVerdicts) {
    to.verdict = each;
    if (verdict == to_string(each)) return true;
  }
  return false;
}

}  // namespace

ordered_json as_json(const ServiceCounts& counts) {
  ordered_json out;
  out["types"] = counts.types;
  auto& checks = out["checks"] = ordered_json::array();
  for (const auto& each : counts.checks) {
    auto& check = checks.emplace_back();
    check["verdict"] = to_string(each.verdict);
    check["reason"] = each.reason;
    check["times"] = each.times;
  }
  auto& bounds = out["bounds_us"] = ordered_json::array();
  for (const auto bound : counts.bounds) bounds.push_back(static_cast<std::uint64_t>(bound.count()));
  out["buckets"] = counts.buckets;
  out["total_us"] = static_cast<std::uint64_t>(counts.total.count());
  out["became_unknown"] = counts.became_unknown;
  out["became_up"] = counts.became_up;
  out["became_down"] = counts.became_down;
  return out;
}

ordered_json as_json(const InstanceCounts& counts) {
  ordered_json out;
  out["netlink_errors"] = counts.netlink_errors;
  out["lease_renewals"] = counts.lease_renewals;
  return out;
}

std::optional<ServiceCounts> read_service_counts(const json& from) {
  ServiceCounts out;
  std::vector<std::uint64_t> bounds;
  std::uint64_t total = 0;
  const bool good = take(from, "types", out.types) && take(from, "bounds_us", bounds) &&
                    take(from, "buckets", out.buckets) && take(from, "total_us", total) &&
                    take(from, "became_unknown", out.became_unknown) &&
                    take(from, "became_up", out.became_up) && take(from, "became_down", out.became_down) &&
                    from.contains("checks") && from["checks"].is_array() &&
                    out.buckets.size() == bounds.size() + 1;
  if (!good) return std::nullopt;
  for (const auto bound : bounds) {
    out.bounds.emplace_back(static_cast<std::int64_t>(bound));
    const bool rises = out.bounds.size() == 1 || out.bounds[out.bounds.size() - 2] < out.bounds.back();
    if (!rises) return std::nullopt;
  }
  out.total = std::chrono::microseconds(static_cast<std::int64_t>(total));
  for (const auto& each : from["checks"]) {
    if (!take(each, out.checks.emplace_back())) return std::nullopt;
  }
  return out;
}

std::optional<InstanceCounts> read_instance_counts(const json& from) {
  InstanceCounts out;
  if (!take(from, "netlink_errors", out.netlink_errors) || !take(from, "lease_renewals", out.lease_renewals))
    return std::nullopt;
  return out;
}

}  // namespace anyprobe
