#include "frr_filters.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace anyprobe {
namespace {

using Words = std::vector<std::string_view>;

constexpr std::size_t kMostWords = 16;
constexpr std::size_t kMostPrefixes = 10'000;

Words split(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r\v\f";
  Words out;
  for (auto at = line.find_first_not_of(kBlanks); at != std::string_view::npos && out.size() < kMostWords;
       at = line.find_first_not_of(kBlanks, at)) {
    const auto end = std::min(line.find_first_of(kBlanks, at), line.size());
    out.push_back(line.substr(at, end - at));
    at = end;
  }
  return out;
}

// The words from the first that is `word` on, without it; empty where there is none.
Words after(const Words& words, std::string_view word) {
  const auto at = std::find(words.begin(), words.end(), word);
  return at == words.end() ? Words{} : Words(at + 1, words.end());
}

std::optional<Prefix> prefix_of(std::string_view text) {
  if (text.find('/') == std::string_view::npos) return std::nullopt;
  const auto prefix = Prefix::parse(text);
  if (!prefix) return std::nullopt;
  return Prefix{prefix->network(), prefix->length};
}

std::optional<Prefix> host_of(std::string_view text) {
  const auto ip = IpAddress::parse(text);
  if (!ip) return std::nullopt;
  return Prefix{*ip, ip->bits()};
}

class Reader {
 public:
  void line(std::string_view text) {
    const auto words = split(text);
    if (words.empty()) return;
    if (words[0] == "router" || words[0] == "interface" || words[0] == "line") {
      in_ospf_ = words[0] == "router" && words.size() > 1 && words[1] == "ospf";
      map_.clear();
    } else if (words[0] == "route-map") {
      in_ospf_ = false;
      map_ = words.size() > 1 ? words[1] : "";
    } else if (words[0] == "match" && words.size() > 3 && !map_.empty()) {
      match(words);
    } else if (words[0] == "redistribute" && words.size() > 1) {
      if (const auto name = after(words, "route-map"); !name.empty())
        redistributing_[std::string(name[0])] |= words[1] != "kernel";
    } else if (words[0] == "network") {
      if (in_ospf_) network(words);
    } else {
      list(words);
    }
  }

  std::vector<FilteredPrefix> found() {
    std::map<std::string, bool> used;  // whether for more than routes of the kernel
    for (const auto& [map, name] : matches_) {
      if (const auto by = redistributing_.find(map); by != redistributing_.end()) used[name] |= by->second;
    }
    std::vector<FilteredPrefix> out;
    std::map<Prefix, std::size_t> places;
    for (auto& [one, name] : entries_) {
      if (const auto by = used.find(name); by != used.end() && !name.empty()) {
        one.used = true;
        one.for_routes = !by->second;
      }
      const auto [place, fresh] = places.emplace(one.prefix, out.size());
      if (fresh) {
        out.push_back(one);
      } else if (auto& before = out[place->second];
                 (one.used && !before.used) || (one.used && before.for_routes && !one.for_routes)) {
        before = one;
      }
    }
    return out;
  }

 private:
  // match ip address prefix-list NAME, match ipv6 address NAME
  void match(const Words& words) {
    if (words[2] != "address" || (words[1] != "ip" && words[1] != "ipv6")) return;
    matches_.emplace_back(map_, words[3] == "prefix-list" ? "" : words[3]);
    if (words[3] == "prefix-list" && words.size() > 4) matches_.back().second = words[4];
  }

  // network 192.0.2.1/32 area 0.0.0.1: what is in it is announced as soon as it is there.
  void network(const Words& words) {
    if (words.size() < 3 || words[2] != "area") return;
    if (const auto prefix = prefix_of(words[1])) add(*prefix, "network", "", true, true);
  }

  // [ip|ipv6] prefix-list NAME [seq N] permit P [ge N] [le N]
  // [ip|ipv6] access-list NAME [seq N] permit P [exact-match] | host A | A [0.0.0.0]
  void list(const Words& words) {
    const std::size_t first = words[0] == "ip" || words[0] == "ipv6" ? 1 : 0;
    if (words.size() < first + 4) return;
    const auto kind = words[first];
    if (kind != "prefix-list" && kind != "access-list") return;
    const auto name = words[first + 1];
    const auto rest =
        after(Words(words.begin() + static_cast<std::ptrdiff_t>(first) + 2, words.end()), "permit");
    if (rest.empty()) return;
    const auto by = std::string(kind) + " " + std::string(name);
    if (const auto prefix = prefix_of(rest[0])) {
      const bool longer = after(rest, "le").empty() && after(rest, "ge").empty();
      const bool exact = kind == "prefix-list" ? longer : rest.back() == "exact-match";
      add(*prefix, by, name, exact || prefix->is_host(), false);
    } else if (kind == "access-list") {
      const bool host = rest.size() > 1 && rest[0] == "host";
      const bool single = host || rest.size() == 1 || rest[1] == "0.0.0.0";
      if (const auto one = host_of(host ? rest[1] : rest[0]); one && single) add(*one, by, name, true, false);
    }
  }

  void add(const Prefix& prefix, std::string by, std::string_view list, bool exact, bool used) {
    if (entries_.size() >= kMostPrefixes) return;
    entries_.push_back({{prefix, std::move(by), exact, used}, std::string(list)});
  }

  struct Entry {
    FilteredPrefix one;
    std::string list;
  };
  bool in_ospf_ = false;
  std::string map_;  // within which route-map
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, std::string>> matches_;  // a route-map and a list
  std::map<std::string, bool> redistributing_;  // route-maps, and whether of more than routes of the kernel
};

}  // namespace

std::vector<FilteredPrefix> read_frr_filters(std::string_view text) {
  Reader reader;
  while (!text.empty()) {
    const auto end = text.find('\n');
    reader.line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return reader.found();
}

}  // namespace anyprobe
