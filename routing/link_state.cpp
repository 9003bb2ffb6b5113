#include "link_state.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>

#include "frr_questions.hpp"

namespace anyprobe {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxAge = 3600;

// Thrown and caught in this file alone.
struct Odd {
  std::string what;
};

const json& member(const json& of, const char* key) {
  if (of.is_object()) {
    if (const auto it = of.find(key); it != of.end()) return *it;
  }
  throw Odd{std::string("\"") + key + "\" is missing"};
}

const json& list(const json& of, const char* key) {
  const auto& found = member(of, key);
  if (!found.is_array()) throw Odd{std::string("\"") + key + "\" is no list"};
  return found;
}

const json& object(const json& of, const char* key) {
  const auto& found = member(of, key);
  if (!found.is_object()) throw Odd{std::string("\"") + key + "\" is no object"};
  return found;
}

const std::string& text(const json& of, const char* key) {
  const auto& found = member(of, key);
  if (!found.is_string()) throw Odd{std::string("\"") + key + "\" is no text"};
  return found.get_ref<const std::string&>();
}

std::uint64_t number(const json& of, const char* key) {
  const auto& found = member(of, key);
  if (!found.is_number_unsigned()) throw Odd{std::string("\"") + key + "\" is no number"};
  return found.get<std::uint64_t>();
}

std::optional<IpAddress> as_ipv4(const std::string& from) {
  const auto parsed = IpAddress::parse(from);
  return parsed && parsed->family() == Family::ipv4 ? std::optional(*parsed) : std::nullopt;
}

// Router ids and link state ids are written as IPv4 addresses.
IpAddress id(const json& of, const char* key) {
  const auto parsed = as_ipv4(text(of, key));
  if (!parsed) throw Odd{std::string("\"") + key + "\" is no id"};
  return *parsed;
}

json parsed(const VtyReply& reply) {
  if (reply.status != 0) throw Odd{"a command that is not known there"};
  auto out = json::parse(reply.text, nullptr, false);
  if (!out.is_object()) throw Odd{"an answer that is no JSON"};
  return out;
}

bool withdrawn(const json& lsa, const char* age) {
  return number(lsa, age) >= kMaxAge;
}

std::uint8_t length_of(const IpAddress& mask) {
  int out = 0;
  for (const auto octet : mask.bytes()) out += std::popcount(octet);
  return static_cast<std::uint8_t>(out);
}

class Collector {
 public:
  explicit Collector(const std::set<Prefix>& wanted) {
    for (const auto& prefix : wanted) wanted_.insert({prefix.network(), prefix.length});
  }
  void add(Lsa::Kind kind, const IpAddress& network, std::uint64_t length, const IpAddress& router,
           bool of_it) {
    if (length > network.bits()) throw Odd{"a prefix that is too long"};
    // In the id of a link state there may be host bits (RFC 2328, appendix E).
    Prefix prefix{network, static_cast<std::uint8_t>(length)};
    prefix.address = prefix.network();
    if (wanted_.contains(prefix)) out.lsas.push_back({kind, prefix, router, of_it});
  }
  LinkState out;

 private:
  std::set<Prefix> wanted_;
};

void add_external(const json& lsa, Lsa::Kind kind, Collector& to) {
  if (withdrawn(lsa, "lsaAge")) return;
  const bool of_it = kind == Lsa::Kind::summary && number(lsa, "tos0Metric") == 0;
  to.add(kind, id(lsa, "linkStateId"), number(lsa, "networkMask"), id(lsa, "advertisingRouter"), of_it);
}

void add_of_areas(const json& answer, const char* key, Lsa::Kind kind, Collector& to) {
  for (const auto& area : object(object(answer, key), "areas")) {
    for (const auto& lsa : area) add_external(lsa, kind, to);
  }
}

// "*|-|-|-|-|-|E|-": E is for an area that takes external LSAs (RFC 2328, A.2).
bool has_option(const std::string& options, std::string_view wanted) {
  std::istringstream words(options);
  for (std::string word; std::getline(words, word, '|');) {
    if (word == wanted) return true;
  }
  return false;
}

struct Links {
  std::set<IpAddress> routers;  // that it says it is connected to, point to point
};

// The stub links, and who says that he is connected to whom.
void read_router_lsas(const json& answer, Collector& to, std::map<IpAddress, Links>& graph) {
  to.out.router_id = id(answer, "routerId");
  for (const auto& area : object(object(answer, "routerLinkStates"), "areas")) {
    for (const auto& lsa : area) {
      if (withdrawn(lsa, "lsaAge")) continue;
      const auto router = id(lsa, "advertisingRouter");
      const bool takes_external = has_option(text(lsa, "options"), "E");
      if (router == to.out.router_id && takes_external) to.out.floods_external = true;
      auto& links = graph[router];
      if (number(lsa, "numOfLinks") == 0) continue;
      for (const auto& link : object(lsa, "routerLinks")) {
        const auto& type = text(link, "linkType");
        if (type == "Stub Network")
          to.add(Lsa::Kind::own_link, id(link, "networkAddress"), length_of(id(link, "networkMask")), router,
                 false);
        else if (type == "another Router (point-to-point)")
          links.routers.insert(id(link, "neighborRouterId"));
      }
    }
  }
}

// By links that both ends tell of; a dead router is told of by itself alone.
void reach(const std::map<IpAddress, Links>& graph, LinkState& out) {
  std::vector<IpAddress> to_do{out.router_id};
  std::set<IpAddress> seen{out.router_id};
  while (!to_do.empty()) {
    const auto at = to_do.back();
    to_do.pop_back();
    const auto here = graph.find(at);
    if (here == graph.end()) continue;
    for (const auto& next : here->second.routers) {
      const auto there = graph.find(next);
      if (there == graph.end() || !there->second.routers.contains(at) || !seen.insert(next).second) continue;
      out.reachable.insert(next);
      to_do.push_back(next);
    }
  }
}

// "R    198.51.100.6          [30] area: 0.0.0.0, ASBR" and the like below a heading.
void read_border_routers(const VtyReply& reply, LinkState& out) {
  if (reply.status != 0) throw Odd{"a command that is not known there"};
  if (!reply.text.starts_with("====") && !reply.text.starts_with("No OSPF routing information"))
    throw Odd{"another list of border routers"};
  std::istringstream lines{std::string(reply.text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    std::string router;
    if (!(words >> kind >> router) || kind != "R") continue;
    if (const auto parsed = as_ipv4(router)) out.reachable.insert(*parsed);
  }
}

// "198.51.100.6    ------E- --|-|--|-|-|--|R|-|--|E|V6 Intra-Area 0.0.0.0" and the like below a heading.
void read_border_routers6(const VtyReply& reply, LinkState& out) {
  if (reply.status != 0) throw Odd{"a command that is not known there"};
  std::istringstream lines{std::string(reply.text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string router;
    words >> router;
    if (const auto parsed = as_ipv4(router)) out.reachable.insert(*parsed);
  }
}

// Of each area a tree: {"198.51.100.2": {"children": {"198.51.100.1": {...}}}}. Networks have more in their
// name.
void read_tree(const VtyReply& reply, LinkState& out) {
  const auto trees = json::parse(reply.text, nullptr, false);
  if (reply.status != 0 || !trees.is_object()) return;  // then the border routers are those that are known
  std::vector<const json*> to_do;
  for (const auto& tree : trees) to_do.push_back(&tree);
  while (!to_do.empty()) {
    const auto& children = *to_do.back();
    to_do.pop_back();
    if (!children.is_object()) continue;
    for (auto child = children.begin(); child != children.end(); ++child) {
      if (const auto router = as_ipv4(child.key())) out.reachable.insert(*router);
      if (!child->is_object()) continue;
      if (const auto below = child->find("children"); below != child->end()) to_do.push_back(&*below);
    }
  }
}

void count(const std::string& state, std::uint64_t unacknowledged, Neighbours& out) {
  // "Full/DR". Those that stay at 2-Way are told by the designated router.
  const bool full = state.starts_with("Full");
  const bool forming =
      state.starts_with("ExStart") || state.starts_with("Exchange") || state.starts_with("Loading");
  out.full += full ? 1 : 0;
  out.forming += forming ? 1 : 0;
  out.unacknowledged += (full || forming) && unacknowledged > 0 ? 1 : 0;
}

Neighbours read_neighbours(const json& answer) {
  Neighbours out;
  for (const auto& of_router : object(answer, "neighbors")) {
    for (const auto& each : of_router)
      count(text(each, "nbrState"), number(each, "linkStateRetransmissionListCounter"), out);
  }
  return out;
}

bool is(const json& of, const char* key) {
  const auto& found = member(of, key);
  if (!found.is_boolean()) throw Odd{std::string("\"") + key + "\" is neither true nor false"};
  return found.get<bool>();
}

void read_areas6(const json& answer, LinkState& out) {
  for (const auto& area : object(answer, "areas")) {
    if (!is(area, "areaIsStub") && !is(area, "areaIsNSSA")) out.floods_external = true;
  }
}

Neighbours read_neighbours6(const json& answer) {
  Neighbours out;
  for (const auto& each : answer) count(text(each, "neighborState"), number(each, "reTransListCount"), out);
  return out;
}

void add_lsa6(const json& lsa, Collector& to) {
  const auto& type = text(lsa, "type");
  std::optional<Lsa::Kind> kind;
  if (type == "ASE") kind = Lsa::Kind::external;
  if (type == "Type7") kind = Lsa::Kind::nssa;
  if (type == "INP") kind = Lsa::Kind::own_link;
  if (type == "IAP") kind = Lsa::Kind::summary;
  if (!kind || withdrawn(lsa, "age")) return;
  const auto prefix = Prefix::parse(text(lsa, "payload"));
  if (prefix && prefix->address.family() == Family::ipv6)
    to.add(*kind, prefix->address, prefix->length, id(lsa, "advRouter"), false);
}

// A part is left out of the answer where there is nothing in it.
void add_of_scope6(const json& answer, const char* key, Collector& to) {
  if (!answer.contains(key)) return;
  for (const auto& area : list(answer, key)) {
    for (const auto& lsa : list(area, "lsa")) add_lsa6(lsa, to);
  }
}

Outcome<std::vector<VtyReply>> replies_of(std::string_view octets, FrrQuestion question) {
  auto out = split_replies(octets);
  if (out && out->size() != commands_of(question, {}).size())
    return Error{"not as many replies as questions"};
  return out;
}

template <typename Reader>
Outcome<LinkState> read_by(FrrQuestion question, std::string_view octets, const std::set<Prefix>& prefixes,
                           Reader reader) {
  const auto replies = replies_of(octets, question);
  if (!replies) return Error{replies.error()};
  Collector collector(prefixes);
  try {
    reader(*replies, collector);
  } catch (const Odd& odd) {
    return Error{odd.what};
  }
  return std::move(collector.out);
}

}  // namespace

Outcome<LinkState> read_ospf_prefix(std::string_view replies, const std::set<Prefix>& prefixes) {
  return read_by(FrrQuestion::ospf_prefix, replies, prefixes, [](const auto& all, Collector& to) {
    const auto external = parsed(all[0]);
    to.out.router_id = id(external, "routerId");
    for (const auto& lsa : list(external, "asExternalLinkStates")) add_external(lsa, Lsa::Kind::external, to);
    add_of_areas(parsed(all[1]), "nssaExternalLinkStates", Lsa::Kind::nssa, to);
    add_of_areas(parsed(all[2]), "summaryLinkStates", Lsa::Kind::summary, to);
  });
}

Outcome<LinkState> read_ospf_state(std::string_view replies, const std::set<Prefix>& prefixes) {
  return read_by(FrrQuestion::ospf_state, replies, prefixes, [](const auto& all, Collector& to) {
    std::map<IpAddress, Links> graph;
    read_router_lsas(parsed(all[0]), to, graph);
    reach(graph, to.out);
    read_border_routers(all[1], to.out);
    to.out.neighbours = read_neighbours(parsed(all[2]));
  });
}

Outcome<LinkState> read_ospf6_state(std::string_view replies, const std::set<Prefix>& prefixes) {
  return read_by(FrrQuestion::ospf6_state, replies, prefixes, [](const auto& all, Collector& to) {
    const auto database = parsed(all[0]);
    add_of_scope6(database, "areaScopedLinkStateDb", to);
    add_of_scope6(database, "asScopedLinkStateDb", to);
    const auto process = parsed(all[1]);
    to.out.router_id = id(process, "routerId");
    read_areas6(process, to.out);
    read_tree(all[2], to.out);
    read_border_routers6(all[3], to.out);
    to.out.neighbours = read_neighbours6(parsed(all[4]));
  });
}

Finding finding_of(const Prefix& prefix, std::span<const Lsa> lsas, const LinkState& state) {
  const Prefix wanted{prefix.network(), prefix.length};
  bool own_link = false;
  bool own_nssa = false;
  bool own_external = false;
  bool has_nssa = false;
  std::set<IpAddress> sure;
  std::set<IpAddress> external;
  std::set<IpAddress> border;
  for (const auto& lsa : lsas) {
    if (lsa.prefix != wanted) continue;
    const bool own = lsa.router == state.router_id;
    has_nssa = has_nssa || lsa.kind == Lsa::Kind::nssa;
    if (own) {
      // A summary of ours tells of something else: of our own link, or of what another announces.
      own_link = own_link || lsa.kind == Lsa::Kind::own_link;
      own_nssa = own_nssa || lsa.kind == Lsa::Kind::nssa;
      own_external = own_external || lsa.kind == Lsa::Kind::external;
      continue;
    }
    if (!state.reachable.contains(lsa.router)) continue;
    if (lsa.kind == Lsa::Kind::external)
      external.insert(lsa.router);
    else if (lsa.kind == Lsa::Kind::summary && !lsa.of_it)
      border.insert(lsa.router);
    else
      sure.insert(lsa.router);
  }
  Finding out;
  // Where somebody announces it into a stubby area, an external LSA may be what the area's border has made of
  // that: it tells of nobody new, and one of ours does not tell of us.
  out.ours = own_link || own_nssa || (own_external && !has_nssa && state.floods_external);
  out.kept = own_external && !out.ours && !state.floods_external;
  if (!has_nssa) sure.insert(external.begin(), external.end());
  out.others = static_cast<unsigned>(sure.size());
  // Border routers tell of what may be one and the same, and may be us.
  if (out.others == 0 && !border.empty() && !own_link) out.others = out.before = 1;
  out.before += static_cast<unsigned>(std::distance(sure.begin(), sure.lower_bound(state.router_id)));
  if (out.others == sure.size()) {
    if (out.ours) sure.insert(state.router_id);
    out.routers.assign(sure.begin(), sure.end());
  }
  return out;
}

}  // namespace anyprobe
