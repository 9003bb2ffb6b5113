#include "schedule.hpp"

#include <algorithm>

namespace anyprobe {

TimePoint Schedule::first(TimePoint now, std::size_t position) {
  const auto wait = std::chrono::microseconds(1000 * position / kFirstPerMillisecond);
  return now + std::min(std::chrono::duration_cast<Duration>(wait), policy_.interval);
}

TimePoint Schedule::next(TimePoint due, TimePoint now, bool fast) {
  return std::max(due + jittered(fast ? policy_.fast_interval : policy_.interval), now);
}

Duration Schedule::jittered(Duration interval) {
  std::uniform_real_distribution<double> factor(1 - kJitter, 1 + kJitter);
  return std::chrono::duration_cast<Duration>(interval * factor(random_));
}

}  // namespace anyprobe
