// What the routing daemon has made of an advertisement, where it can be told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "event_loop.hpp"

namespace anyprobe {

struct Confirmation {
  // What is announced is in the link-state database and from here, what is withdrawn is not, and every
  // neighbour has acknowledged it.
  std::optional<bool> confirmed;
  std::optional<unsigned> others;  // at least so many other routers that can be reached announce it

  friend bool operator==(const Confirmation&, const Confirmation&) = default;
};

// One of the routers that announce it and can be reached.
struct Announcer {
  std::string router;  // its router id
  bool here = false;   // it is this one

  friend bool operator==(const Announcer&, const Announcer&) = default;
};
using Announcers = std::vector<Announcer>;

// The same, for who must know how old it is and who comes first.
struct Sighting {
  TimePoint asked{};     // it was so then, or later
  bool ours = false;     // the database has it from here
  bool settled = false;  // and as it is wanted, and every neighbour has acknowledged that: see `confirmed`
  unsigned others = 0;   // see above
  unsigned before = 0;   // those of them whose router id is lower than ours, or may be

  friend bool operator==(const Sighting&, const Sighting&) = default;
};

}  // namespace anyprobe
