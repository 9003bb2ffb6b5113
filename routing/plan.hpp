// What to change so that the kernel has what is wanted and nothing else of ours. Pure: no clock, no I/O.
//
// An address is known by its number alone (192.0.2.1), wherever on the host and of whatever length it is.
//  - Without our mark it is foreign: never removed, and nothing of that number is added beside it. With
//    `adopt` it is treated as ours.
//  - With our mark, and of a number that is or was configured, it goes unless it is just what is wanted.
//  - With our mark and of any other number it belongs to another instance and is left alone.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "core/advertisement.hpp"
#include "route_table.hpp"

namespace anyprobe {

struct Desired {
  Advertisement advertisement;
  bool announce = false;
};

struct PlannedChange {
  static constexpr std::size_t kNobody = std::numeric_limits<std::size_t>::max();

  Change change;
  std::size_t owner = kNobody;  // the index in `desired`; kNobody: of one that is configured no more
};

struct Outlook {
  AdvertisementState state = AdvertisementState::withdrawn;  // once every change is made
  bool interface_missing = false;
  std::optional<SeenAddress> foreign;
};

struct Plan {
  std::vector<PlannedChange> changes;  // removals before additions
  std::vector<Outlook> outlooks;       // one for each of `desired`, in its order
};

// `gone`: configured earlier in this process, not any more, and not yet known to be removed.
[[nodiscard]] Plan make_plan(std::span<const Desired> desired, std::span<const Advertisement> gone,
                             const Snapshot& seen, bool adopt);

}  // namespace anyprobe
