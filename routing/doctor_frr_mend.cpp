#include "doctor_frr_mend.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "core/doctor.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kNamed = 4;
constexpr std::uint32_t kStep = 10;
constexpr std::uint32_t kLargestOrder = 65535;

std::string protocol_of(Family family) {
  return family == Family::ipv4 ? "ip" : "ipv6";
}

std::string own_name(Family family) {
  return family == Family::ipv4 ? "anyprobe" : "anyprobe6";
}

std::string text_of(const Prefix& prefix) {
  return Prefix{prefix.network(), prefix.length}.to_string();
}

std::vector<std::string> own_list(Family family, const std::vector<Prefix>& prefixes) {
  std::vector<std::string> out;
  for (const auto& prefix : prefixes)
    out.push_back(protocol_of(family) + " prefix-list " + own_name(family) + " permit " + text_of(prefix));
  return out;
}

void permit_own_list(const std::string& map, std::uint32_t order, Family family,
                     std::vector<std::string>& out) {
  out.push_back("route-map " + map + " permit " + std::to_string(order));
  out.push_back("match " + protocol_of(family) + " address prefix-list " + own_name(family));
}

// Before what denies, so many that are free.
std::vector<std::uint32_t> free_before(std::uint32_t sequence, std::size_t count,
                                       const std::vector<PrefixListEntry>& entries) {
  std::set<std::uint32_t> taken;
  for (const auto& entry : entries) taken.insert(entry.sequence);
  std::vector<std::uint32_t> out;
  for (auto at = sequence; at > 1 && out.size() < count; --at) {
    if (!taken.contains(at - 1)) out.push_back(at - 1);
  }
  return out;
}

bool is_just(const PrefixListEntry& entry, const Prefix& prefix) {
  return entry.permit && !entry.any && !entry.ge && !entry.le && entry.prefix.length == prefix.length &&
         entry.prefix.network() == prefix.network();
}

std::vector<std::string> mend_list(const RunningConfig& config, const FilterVerdict& verdict, Family family,
                                   const std::vector<Prefix>& prefixes) {
  const auto list = protocol_of(family) + " prefix-list " + verdict.prefix_list;
  std::vector<std::uint32_t> places;
  if (verdict.sequence != 0) {
    places =
        free_before(verdict.sequence, prefixes.size(), config.prefix_lists.at({family, verdict.prefix_list}));
    if (places.size() < prefixes.size()) return {};
  }
  std::vector<std::string> out;
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const auto line = " permit " + text_of(prefixes[i]);
    if (places.empty()) {
      out.push_back(list + line);
      continue;
    }
    // FRR passes over a line that the list has already, in whatever place.
    for (const auto& entry : config.prefix_lists.at({family, verdict.prefix_list})) {
      if (is_just(entry, prefixes[i]))
        out.push_back("no " + list + " seq " + std::to_string(entry.sequence) + line);
    }
    out.push_back(list + " seq " + std::to_string(places[i]) + line);
  }
  return out;
}

// Before the entry that denies, or behind the last one.
std::optional<std::uint32_t> order_for(const RunningConfig& config, const FilterVerdict& verdict) {
  const auto map = config.route_maps.find(verdict.route_map);
  if (map == config.route_maps.end() || map->second.empty()) return kStep;
  if (verdict.order == 0) {
    const auto last = map->second.back().order;
    return last + kStep <= kLargestOrder ? std::optional(last + kStep) : std::nullopt;
  }
  for (auto at = verdict.order; at > 1; --at) {
    if (std::none_of(map->second.begin(), map->second.end(),
                     [&](const auto& entry) { return entry.order == at - 1; }))
      return at - 1;
  }
  return std::nullopt;
}

}  // namespace

const char* daemon_name(Family family) {
  return family == Family::ipv4 ? "ospfd" : "ospf6d";
}

std::string source_of(const Advertisement& what) {
  if (what.kind != Advertisement::Kind::route) return "connected";
  return what.table == kMainTable ? "kernel" : "table " + std::to_string(what.table);
}

std::string prefixes_text(const std::vector<Prefix>& prefixes) {
  std::string out;
  for (std::size_t i = 0; i < std::min(prefixes.size(), kNamed); ++i)
    out += (out.empty() ? "" : ", ") + text_of(prefixes[i]);
  if (prefixes.size() > kNamed) out += " and " + std::to_string(prefixes.size() - kNamed) + " more";
  return out;
}

std::string vtysh_line(const std::string& vtysh, const std::vector<std::string>& commands) {
  auto out = vtysh + " -c 'configure terminal'";
  for (const auto& command : commands) out += " -c " + shell_word(command);
  return out;
}

std::string mend_by_redistribution(const std::string& vtysh, Family family, const std::string& source,
                                   const std::vector<Prefix>& prefixes) {
  auto commands = own_list(family, prefixes);
  permit_own_list(own_name(family), kStep, family, commands);
  commands.emplace_back("set metric-type type-1");
  commands.emplace_back(family == Family::ipv4 ? "router ospf" : "router ospf6");
  commands.push_back("redistribute " + source + " route-map " + own_name(family));
  return vtysh_line(vtysh, commands);
}

std::vector<std::string> mend_filter(const std::string& vtysh, const RunningConfig& config,
                                     const FilterVerdict& verdict, const std::string& source,
                                     const std::vector<Prefix>& prefixes) {
  const auto family = prefixes.front().address.family();
  std::vector<std::string> commands;
  // Whether it is announced or not must not be said.
  if (verdict.summary)
    return {vtysh_line(vtysh, {family == Family::ipv4 ? "router ospf" : "router ospf6",
                               "no summary-address " + verdict.summary->to_string()})};
  if (!verdict.prefix_list.empty()) commands = mend_list(config, verdict, family, prefixes);
  if (commands.empty() && verdict.route_map.empty()) {
    if (verdict.distribute_list.empty()) return {};
    commands = {"router ospf", "no distribute-list " + verdict.distribute_list + " out " + source};
  }
  if (commands.empty()) {
    const auto order = order_for(config, verdict);
    if (!order) return {};
    commands = own_list(family, prefixes);
    permit_own_list(verdict.route_map, *order, family, commands);
  }
  return {vtysh_line(vtysh, commands)};
}

}  // namespace anyprobe
