// The time of day of what was measured by the steady clock.
#pragma once

#include <chrono>

#include "event_loop.hpp"

namespace anyprobe {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

inline WallTime wall_now() {
  return std::chrono::floor<WallTime::duration>(std::chrono::system_clock::now());
}

// One moment is told alike each time that it is asked for, though the two clocks drift apart, and by the time
// of day as it is now, though somebody sets it.
class WallClock {
 public:
  // `steady` and `wall`: the two clocks now.
  [[nodiscard]] WallTime at(TimePoint moment, TimePoint steady, std::chrono::system_clock::time_point wall) {
    constexpr auto kSet = std::chrono::seconds(1);
    const auto offset = wall.time_since_epoch() - steady.time_since_epoch();
    if (!known_ || offset - offset_ > kSet || offset_ - offset > kSet) offset_ = offset;
    known_ = true;
    return WallTime(std::chrono::floor<std::chrono::milliseconds>(moment.time_since_epoch() + offset_));
  }

 private:
  bool known_ = false;
  std::chrono::nanoseconds offset_{};
};

}  // namespace anyprobe
