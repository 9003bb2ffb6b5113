// What ospfd and ospf6d say of their link states: pure readers of FRR's answers, and what follows from them.
// Written by the answers of FRR 8.4.4; what looks otherwise is an error, and never taken for "nothing".
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

struct Lsa {
  enum class Kind : std::uint8_t {
    own_link,  // a network of the router's own: in its router LSA, or an intra-area prefix of OSPFv3
    external,  // type 5
    nssa,      // type 7
    summary,   // what another area has, by a border router
  };
  Kind kind = Kind::external;
  Prefix prefix;
  IpAddress router;    // who advertises it: a router id
  bool of_it = false;  // of a summary: it costs nothing from there, so it is the border router's own
};

struct Neighbours {
  std::size_t full = 0;
  std::size_t forming = 0;         // adjacencies on their way to that
  std::size_t unacknowledged = 0;  // of the two, those that have yet to acknowledge something
};

struct LinkState {
  IpAddress router_id;  // ours
  std::vector<Lsa> lsas;
  std::set<IpAddress> reachable;  // routers; an LSA of another may be of a dead one
  // One of our areas takes external LSAs. Stub areas and NSSAs take none: one of ours stays in our database.
  bool floods_external = false;
  Neighbours neighbours;
};

// The replies to the commands of the FrrQuestion of that name (split_replies()). Withdrawn LSAs, of age 3600,
// are left out, and so is what is of none of the prefixes.
Outcome<LinkState> read_ospf_prefix(std::string_view replies, const std::set<Prefix>& prefixes);
Outcome<LinkState> read_ospf_state(std::string_view replies, const std::set<Prefix>& prefixes);
Outcome<LinkState> read_ospf6_state(std::string_view replies, const std::set<Prefix>& prefixes);

struct Finding {
  bool ours = false;    // it is announced from here
  unsigned others = 0;  // by so many reachable routers more, at least
  // Of these, those whose router id is lower than ours. One that may be lower, as behind a border, is.
  unsigned before = 0;
  bool kept = false;  // it is not: we have an external LSA of it that no area takes
  // Us too where it is ours. Empty where `others` is by a border, which does not tell who.
  std::vector<IpAddress> routers = {};

  friend bool operator==(const Finding&, const Finding&) = default;
};
// `lsas` of the prefix and of others, `state` what else is known by then.
Finding finding_of(const Prefix& prefix, std::span<const Lsa> lsas, const LinkState& state);

}  // namespace anyprobe
