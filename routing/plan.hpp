// What to change so that the kernel has what is wanted and nothing else of ours. Pure: no clock, no I/O.
//
// An address is known by its number alone (192.0.2.1), wherever on the host and of whatever length it is.
//  - Without our mark it is foreign: never removed, and nothing of that number is added beside it. With
//    `adopt` it is treated as ours.
//  - With our mark, and of a number that is or was configured, it goes unless it is just what is wanted.
//  - With our mark and of any other number it belongs to another instance and is left alone.
// With the wish to hold it, one that is there stays as it is, and nothing is added. Of one that is to linger,
// a route that keeps it local comes before the address goes, and goes itself when it is to linger no more. A
// route is known by its prefix and its table, and the same holds of it, but that one without our mark is only
// foreign where its metric is the same too: else the two stand side by side. A link has no mark: each that is
// or was configured is set up or down, but for one that the host needs.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "core/advertisement.hpp"
#include "route_table.hpp"

namespace anyprobe {

struct Desired {
  Advertisement advertisement;
  Wish wish = Wish::withdraw;
  Lifetime lifetime = {};  // what is left of its lease
  bool renew = false;      // the kernel is to be told of it, though nothing else may have changed
};

// Configured earlier in this process, not any more, and not yet known to be removed.
struct Former {
  Advertisement advertisement;
  bool lingers = false;
};

struct PlannedChange {
  static constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

  Change change;
  std::size_t owner = kNobody;  // the index in `desired`; kNobody: of one that is configured no more
};

struct Outlook {
  AdvertisementState state = AdvertisementState::withdrawn;  // once every change is made
  bool interface_missing = false;                            // or down, where a route is to go through it
  // Of a foreign one, one of the two:
  std::string occupant;  // what is there without our mark: "192.0.2.1/32 on eth0"
  std::string needed;    // why the link must stay as it is
};

struct Plan {
  std::vector<PlannedChange> changes;  // removals before additions, but for those of what lingers
  std::vector<Outlook> outlooks;       // one for each of `desired`, in its order
};

[[nodiscard]] Plan make_plan(std::span<const Desired> desired, std::span<const Former> gone,
                             const Snapshot& seen, bool adopt);

}  // namespace anyprobe
