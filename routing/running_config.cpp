#include "running_config.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

namespace anyprobe {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& line) {
  Words out;
  std::istringstream in(line);
  for (std::string word; in >> word;) out.push_back(std::move(word));
  return out;
}

std::optional<std::uint32_t> number(const std::string& word) {
  std::uint32_t out = 0;
  const auto* end = word.data() + word.size();
  const auto [at, error] = std::from_chars(word.data(), end, out);
  return error == std::errc() && at == end ? std::optional(out) : std::nullopt;
}

std::optional<std::uint8_t> length(const std::string& word) {
  const auto value = number(word);
  return value && *value <= 128 ? std::optional(static_cast<std::uint8_t>(*value)) : std::nullopt;
}

// "0" and "0.0.0.0" are one area.
std::string area_name(const std::string& word) {
  const auto value = number(word);
  if (!value) return word;
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8)
    out += (out.empty() ? "" : ".") + std::to_string((*value >> static_cast<unsigned>(shift)) & 255U);
  return out;
}

bool begins(const Words& words, std::initializer_list<std::string_view> with) {
  return words.size() >= with.size() && std::equal(with.begin(), with.end(), words.begin());
}

std::optional<std::uint32_t> as_number(const std::string& word) {
  const auto address = IpAddress::parse(word);
  if (!address || address->family() != Family::ipv4) return std::nullopt;
  std::uint32_t out = 0;
  for (const auto octet : address->bytes()) out = out << 8U | octet;
  return out;
}

class Reader {
 public:
  RunningConfig read(std::string_view text) {
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
      const auto words = words_of(line);
      if (words.empty() || words.front().front() == '!') continue;
      if (line.front() == ' ')
        inside(words);
      else
        outside(words);
    }
    for (auto& [name, entries] : out_.prefix_lists)
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
    for (auto& [name, entries] : out_.route_maps)
      std::stable_sort(entries.begin(), entries.end(),
                       [](const auto& a, const auto& b) { return a.order < b.order; });
    return std::move(out_);
  }

 private:
  enum class Block : std::uint8_t { none, router, interface, route_map };

  void outside(const Words& words) {
    block_ = Block::none;
    if (begins(words, {"router", "ospf"}) || begins(words, {"router", "ospf6"})) {
      const auto vrf = std::find(words.begin(), words.end(), "vrf");
      if (vrf != words.end() && vrf + 1 != words.end() && *(vrf + 1) != "default") {
        out_.vrfs.insert(*(vrf + 1));
        return;
      }
      out_.runs = true;
      block_ = Block::router;
    } else if (words.front() == "interface" && words.size() == 2) {
      interface_ = words[1];
      block_ = Block::interface;
    } else if (words.front() == "route-map" && words.size() >= 4) {
      const auto order = number(words[3]);
      if (!order) return;
      map_ = words[1];
      out_.route_maps[map_].push_back({*order, words[2] == "permit"});
      block_ = Block::route_map;
    } else if (words.size() > 3 && words[1] == "prefix-list") {
      prefix_list(words);
    } else if (words.front() == "access-list") {
      access_list(Family::ipv4, words, 1);
    } else if (begins(words, {"ipv6", "access-list"})) {
      access_list(Family::ipv6, words, 2);
    } else if (words.size() == 5 && words[1] == "protocol" && words[3] == "route-map") {
      const auto family = words.front() == "ipv6" ? Family::ipv6 : Family::ipv4;
      out_.protocol_filters[{family, words[2]}] = words[4];
    }
  }

  void inside(const Words& words) {
    if (block_ == Block::router) in_router(words);
    if (block_ == Block::interface) in_interface(words);
    if (block_ == Block::route_map) in_route_map(words);
  }

  // ip prefix-list NAME [seq N] permit|deny any|PREFIX [ge N] [le N]
  void prefix_list(const Words& words) {
    const auto family = words.front() == "ipv6" ? Family::ipv6 : Family::ipv4;
    PrefixListEntry entry;
    std::size_t at = 3;
    if (words[at] == "seq" && words.size() > 6) {
      entry.sequence = number(words[4]).value_or(0);
      at = 5;
    }
    if (words.size() < at + 2 || (words[at] != "permit" && words[at] != "deny")) return;
    entry.permit = words[at] == "permit";
    entry.any = words[at + 1] == "any";
    if (!entry.any) {
      const auto prefix = Prefix::parse(words[at + 1]);
      if (!prefix || prefix->address.family() != family) return;
      entry.prefix = *prefix;
    }
    for (at += 2; at + 1 < words.size(); at += 2) {
      if (words[at] == "ge") entry.ge = length(words[at + 1]);
      if (words[at] == "le") entry.le = length(words[at + 1]);
    }
    out_.prefix_lists[{family, words[2]}].push_back(entry);
  }

  // access-list NAME [seq N] permit|deny any|PREFIX [exact-match], or Cisco's: host ADDRESS, ADDRESS WILDCARD
  void access_list(Family family, const Words& words, std::size_t at) {
    if (words.size() < at + 3) return;
    const auto& name = words[at++];
    if (words[at] == "seq") at += 2;
    if (words.size() < at + 2 || (words[at] != "permit" && words[at] != "deny")) return;
    AccessListEntry entry;
    entry.permit = words[at++] == "permit";
    if (words[at] == "host" && at + 1 < words.size()) ++at;
    entry.any = words[at] == "any";
    if (!entry.any) {
      const auto prefix = Prefix::parse(words[at]);
      if (!prefix || prefix->address.family() != family) return;
      entry.prefix = *prefix;
      if (at + 1 < words.size()) entry.wildcard = as_number(words[at + 1]);
    }
    entry.exact = words.back() == "exact-match";
    out_.access_lists[{family, name}].push_back(entry);
  }

  void in_router(const Words& words) {
    if (words.front() == "redistribute" && words.size() > 1) {
      Redistribution one{words[1], {}};
      // Of an instance or a table of its own.
      if (words.size() > 2 && number(words[2])) one.source += " " + words[2];
      const auto map = std::find(words.begin(), words.end(), "route-map");
      if (map != words.end() && map + 1 != words.end()) one.route_map = *(map + 1);
      out_.redistributes.push_back(std::move(one));
    } else if (words.front() == "distribute-list" && words.size() == 4 && words[2] == "out") {
      out_.distribute_lists[words[3]] = words[1];
    } else if (words.front() == "summary-address" && words.size() > 1) {
      if (const auto prefix = Prefix::parse(words[1]))
        out_.summaries.push_back({*prefix, words.back() != "no-advertise"});
    } else if (words.front() == "area" && words.size() > 2) {
      auto& area = out_.areas[area_name(words[1])];
      area.stub = area.stub || words[2] == "stub";
      area.nssa = area.nssa || words[2] == "nssa";
    } else if (words.front() == "network" && words.size() == 4 && words[2] == "area") {
      if (const auto prefix = Prefix::parse(words[1])) out_.networks[*prefix] = area_name(words[3]);
    } else if (words.front() == "interface" && words.size() == 4 && words[2] == "area") {
      out_.interfaces[words[1]].area = area_name(words[3]);  // as Quagga's ospf6d has it
    } else if (begins(words, {"timers", "lsa", "min-arrival"}) && words.size() == 4) {
      out_.min_arrival_ms = number(words[3]).value_or(out_.min_arrival_ms);
    } else if (begins(words, {"graceful-restart", "helper"})) {
      out_.helps = out_.helps || (words.size() > 2 && words[2] == "enable");
    } else if (words.front() == "graceful-restart") {
      out_.graceful = true;
    }
  }

  void in_interface(const Words& words) {
    auto& here = out_.interfaces[interface_];
    if (begins(words, {"ip", "ospf", "area"}) || begins(words, {"ipv6", "ospf6", "area"}))
      here.area = words.size() > 3 ? area_name(words[3]) : "";
    if (begins(words, {"ip", "ospf", "passive"}) || begins(words, {"ipv6", "ospf6", "passive"}))
      here.passive = true;
  }

  void in_route_map(const Words& words) {
    auto& entry = out_.route_maps[map_].back();
    if (words.front() == "match") entry.matches.emplace_back(words.begin() + 1, words.end());
    if (words.front() == "call" && words.size() > 1) entry.call = words[1];
    if (words.front() == "on-match" || words.front() == "continue") entry.goes_on = true;
  }

  RunningConfig out_;
  Block block_ = Block::none;
  std::string interface_;
  std::string map_;
};

}  // namespace

RunningConfig parse_running_config(std::string_view text) {
  return Reader().read(text);
}

}  // namespace anyprobe
