#include "route_filter.hpp"

#include <algorithm>
#include <optional>

namespace anyprobe {
namespace {

using Is = FilterVerdict::Is;

constexpr int kDeepestCall = 8;

std::string words_text(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

bool covers(const Prefix& list, const Prefix& prefix) {
  return prefix.length >= list.length && list.contains(prefix.network());
}

// Without ge and le the length must be that of the line.
bool matches(const PrefixListEntry& entry, const Prefix& prefix) {
  if (entry.any) return true;
  if (!covers(entry.prefix, prefix)) return false;
  if (!entry.ge && !entry.le) return prefix.length == entry.prefix.length;
  return prefix.length >= entry.ge.value_or(entry.prefix.length) &&
         prefix.length <= entry.le.value_or(prefix.address.bits());
}

std::uint32_t number_of(const IpAddress& address) {
  std::uint32_t out = 0;
  for (const auto octet : address.bytes()) out = out << 8U | octet;
  return out;
}

bool matches(const AccessListEntry& entry, const Prefix& prefix) {
  if (entry.any) return true;
  if (entry.wildcard)
    return ((number_of(prefix.network()) ^ number_of(entry.prefix.address)) & ~*entry.wildcard) == 0;
  return covers(entry.prefix, prefix) && (!entry.exact || prefix.length == entry.prefix.length);
}

// Whether one `match` line is met; none: it is not known here. `list` is told of a prefix list that is not.
std::optional<bool> meets(const RunningConfig& config, const std::vector<std::string>& match,
                          const FilteredRoute& route, FilterVerdict& list) {
  const auto family = route.prefix.address.family();
  if (match.size() < 2) return std::nullopt;
  if (match[0] == "interface") return match[1] == route.interface;
  const bool six = match[0] == "ipv6";
  if ((match[0] != "ip" && !six) || match[1] != "address" || match.size() < 3) return std::nullopt;
  if (six != (family == Family::ipv6)) return false;
  if (match.size() == 3) return access_list_permits(config, match[2], route.prefix);
  if (match[2] == "prefix-len") return match[3] == std::to_string(route.prefix.length);
  if (match[2] != "prefix-list") return std::nullopt;
  if (!config.prefix_lists.contains({family, match[3]})) {
    list.prefix_list = match[3];
    list.sequence = 0;
    return false;
  }
  const auto verdict = judge_prefix_list(config, match[3], route.prefix);
  if (verdict.is == Is::passes) return true;
  list.prefix_list = match[3];
  list.sequence = verdict.sequence;
  return false;
}

FilterVerdict judge(const RunningConfig& config, const std::string& name, const FilteredRoute& route,
                    int depth) {
  const auto map = config.route_maps.find(name);
  const auto label = "route-map " + name;
  if (map == config.route_maps.end())
    return {Is::drops, label + " does not exist, which drops everything", name};
  FilterVerdict list;  // of the permitting entries, the last list that did not match
  for (const auto& entry : map->second) {
    const auto place = label + (entry.permit ? " permit " : " deny ") + std::to_string(entry.order);
    bool all = true;
    FilterVerdict failing;
    std::size_t missed = 0;
    for (const auto& match : entry.matches) {
      const auto met = meets(config, match, route, failing);
      if (!met) return {Is::unknown, place + " has \"match " + words_text(match) + "\"", name};
      all = all && *met;
      missed += *met ? 0 : 1;
    }
    if (!all) {
      // More than the list is in the way: a line in it would not help.
      if (entry.permit && missed == 1 && !failing.prefix_list.empty()) list = failing;
      continue;
    }
    if (!entry.permit) return {Is::drops, place + " drops it", name, {}, 0, entry.order};
    if (entry.goes_on) return {Is::unknown, place + " goes on to another entry", name};
    if (entry.call.empty()) return {};
    if (depth >= kDeepestCall) return {Is::unknown, place + " calls too deep", name};
    auto called = judge(config, entry.call, route, depth + 1);
    if (called.is != Is::passes) called.why = place + " calls it: " + called.why;
    return called;
  }
  FilterVerdict out{Is::drops, label + ": no entry permits it", name};
  if (list.prefix_list.empty()) return out;
  out.prefix_list = list.prefix_list;
  out.sequence = list.sequence;
  out.why += ", prefix-list " + out.prefix_list +
             (out.sequence == 0 ? " does not name it" : " denies it by seq " + std::to_string(out.sequence));
  return out;
}

}  // namespace

FilterVerdict judge_prefix_list(const RunningConfig& config, const std::string& name, const Prefix& prefix) {
  const auto list = config.prefix_lists.find({prefix.address.family(), name});
  if (list == config.prefix_lists.end())
    return {Is::drops, "prefix-list " + name + " does not exist", {}, name};
  for (const auto& entry : list->second) {
    if (!matches(entry, prefix)) continue;
    if (entry.permit) return {};
    return {Is::drops, "prefix-list " + name + " denies it", {}, name, entry.sequence};
  }
  return {Is::drops, "prefix-list " + name + " does not name it", {}, name};
}

bool access_list_permits(const RunningConfig& config, const std::string& name, const Prefix& prefix) {
  const auto list = config.access_lists.find({prefix.address.family(), name});
  if (list == config.access_lists.end()) return false;
  const auto& entries = list->second;
  const auto first =
      std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return matches(entry, prefix); });
  return first != entries.end() && first->permit;
}

FilterVerdict judge_route_map(const RunningConfig& config, const std::string& name,
                              const FilteredRoute& route) {
  return judge(config, name, route, 0);
}

}  // namespace anyprobe
