#include "ospf_details.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <queue>
#include <tuple>
#include <utility>

namespace anyprobe {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxAge = 3600;
constexpr std::uint64_t kInfinity = 0xffffff;  // LSInfinity, RFC 2328 appendix B

const json* find(const json& of, const char* key) {
  if (!of.is_object()) return nullptr;
  const auto it = of.find(key);
  return it == of.end() ? nullptr : &*it;
}

std::optional<std::uint64_t> number(const json& of, const char* key) {
  const auto* found = find(of, key);
  if (found == nullptr || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

std::string text(const json& of, const char* key) {
  const auto* found = find(of, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<IpAddress> id(const json& of, const char* key) {
  const auto parsed = IpAddress::parse(text(of, key));
  return parsed && parsed->family() == Family::ipv4 ? std::optional(*parsed) : std::nullopt;
}

std::optional<std::uint32_t> seconds(const json& of, const char* key) {
  const auto value = number(of, key);
  if (!value || *value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

// A router by its id, or a network by its designated router's address.
using Vertex = std::pair<bool, IpAddress>;  // whether it is a network
using Graph = std::map<Vertex, std::map<Vertex, std::uint64_t>>;

void join(Graph& graph, const Vertex& from, const Vertex& to, std::uint64_t cost) {
  const auto [at, fresh] = graph[from].emplace(to, cost);
  if (!fresh) at->second = std::min(at->second, cost);
}

void add_router(const json& lsa, Graph& graph) {
  const auto router = id(lsa, "advertisingRouter");
  const auto* links = find(lsa, "routerLinks");
  if (!router || number(lsa, "lsaAge").value_or(kMaxAge) >= kMaxAge || links == nullptr) return;
  for (const auto& link : *links) {
    const auto type = text(link, "linkType");
    const auto cost = std::min(number(link, "tos0Metric").value_or(kInfinity), kInfinity);
    if (type == "another Router (point-to-point)") {
      if (const auto next = id(link, "neighborRouterId")) join(graph, {false, *router}, {false, *next}, cost);
    } else if (type == "a Transit Network") {
      if (const auto network = id(link, "designatedRouterAddress")) {
        join(graph, {false, *router}, {true, *network}, cost);
        join(graph, {true, *network}, {false, *router}, 0);
      }
    }
  }
}

std::map<Vertex, std::uint64_t> ways_from(const Graph& graph, const Vertex& from) {
  std::map<Vertex, std::uint64_t> out;
  using Step = std::pair<std::uint64_t, Vertex>;
  std::priority_queue<Step, std::vector<Step>, std::greater<>> to_do;
  to_do.emplace(0, from);
  while (!to_do.empty()) {
    const auto [cost, at] = to_do.top();
    to_do.pop();
    if (!out.emplace(at, cost).second) continue;
    const auto here = graph.find(at);
    if (here == graph.end()) continue;
    for (const auto& [next, more] : here->second) {
      // Used only where both ends tell of it.
      const auto there = graph.find(next);
      if (there != graph.end() && there->second.contains(at)) to_do.emplace(cost + more, next);
    }
  }
  return out;
}

struct PrefixRouter {
  bool type2 = false;
  std::uint64_t metric = 0;
};

// What a router compares: type 1 before type 2, of which the metric counts first (RFC 2328, 16.4).
using Cost = std::tuple<bool, std::uint64_t, std::uint64_t>;

Cost cost_of(const PrefixRouter& to, std::uint64_t way) {
  return to.type2 ? Cost{true, to.metric, way} : Cost{false, to.metric + way, 0};
}

template <typename Read>
Outcome<std::map<std::string, OspfPort>> ports(const json* interfaces, Read read) {
  if (interfaces == nullptr || !interfaces->is_object()) return Error{"an answer without interfaces"};
  std::map<std::string, OspfPort> out;
  for (auto it = interfaces->begin(); it != interfaces->end(); ++it) {
    if (const auto port = read(*it)) out.emplace(it.key(), *port);
  }
  return out;
}

}  // namespace

Outcome<std::map<std::string, OspfPort>> read_ospf_ports(std::string_view octets) {
  const auto answer = json::parse(octets, nullptr, false);
  return ports(find(answer, "interfaces"), [](const json& one) -> std::optional<OspfPort> {
    const auto interval = seconds(one, "timerRetransmitSecs");
    if (!interval) return std::nullopt;
    const auto* passive = find(one, "timerPassiveIface");
    return OspfPort{*interval, (passive != nullptr && *passive == true) || text(one, "state") == "Loopback"};
  });
}

Outcome<std::map<std::string, OspfPort>> read_ospf6_ports(std::string_view octets) {
  const auto answer = json::parse(octets, nullptr, false);
  return ports(&answer, [](const json& one) -> std::optional<OspfPort> {
    const auto interval = seconds(one, "timerIntervalsConfigRetransmit");
    if (!interval) return std::nullopt;
    return OspfPort{*interval, text(one, "ospf6InterfaceState") == "Loopback"};
  });
}

Outcome<std::vector<EqualPaths>> find_equal_paths(std::string_view routers, std::string_view externals,
                                                  const Prefix& prefix) {
  const auto database = json::parse(routers, nullptr, false);
  const auto external = json::parse(externals, nullptr, false);
  const auto own = id(database, "routerId");
  const auto* states = find(database, "routerLinkStates");
  const auto* areas = states == nullptr ? nullptr : find(*states, "areas");
  const auto* lsas = find(external, "asExternalLinkStates");
  if (!own || areas == nullptr || lsas == nullptr) return Error{"another database than is known"};

  std::map<IpAddress, PrefixRouter> announcers;
  for (const auto& lsa : *lsas) {
    const auto router = id(lsa, "advertisingRouter");
    const auto metric = number(lsa, "metric");
    if (!router || !metric || number(lsa, "lsaAge").value_or(kMaxAge) >= kMaxAge ||
        number(lsa, "networkMask") != prefix.length)
      continue;
    announcers[*router] = {text(lsa, "metricType") == "E2", std::min(*metric, kInfinity)};
  }
  std::vector<EqualPaths> out;
  const auto we = announcers.find(*own);
  if (we == announcers.end() || announcers.size() < 2) return out;

  Graph graph;
  for (const auto& area : *areas) {
    for (const auto& lsa : area) add_router(lsa, graph);
  }
  for (const auto& [vertex, links] : graph) {
    // Who announces it has it himself.
    if (vertex.first || announcers.contains(vertex.second)) continue;
    const auto ways = ways_from(graph, vertex);
    const auto cost = [&](const auto& announcer) -> std::optional<Cost> {
      const auto way = ways.find({false, announcer.first});
      if (way == ways.end()) return std::nullopt;
      return cost_of(announcer.second, way->second);
    };
    const auto ours = cost(*we);
    if (!ours) continue;
    std::optional<IpAddress> equal;
    bool nearer = false;
    for (const auto& announcer : announcers) {
      const auto theirs = announcer.first == *own ? std::nullopt : cost(announcer);
      if (!theirs) continue;
      nearer = nearer || *theirs < *ours;
      if (*theirs == *ours && !equal) equal = announcer.first;
    }
    if (equal && !nearer) out.push_back({prefix, vertex.second, *equal});
  }
  return out;
}

}  // namespace anyprobe
