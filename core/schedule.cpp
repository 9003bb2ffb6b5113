#include "schedule.hpp"

#include <algorithm>

namespace anyprobe {

TimePoint Schedule::first(TimePoint now, std::size_t position, std::size_t all) {
  const auto wait = std::chrono::microseconds(1000 * position / kFirstPerMillisecond);
  const auto evenly = policy_.interval * position / std::max<std::size_t>(all, 1);
  return now + std::min({std::chrono::duration_cast<Duration>(wait), Duration(evenly), policy_.interval});
}

TimePoint Schedule::next(TimePoint due, TimePoint now, bool fast, Duration least) {
  const auto quick = std::min(std::max(policy_.fast_interval, least), policy_.interval);
  return std::max(fast ? due + jittered(quick) : rounded(due + jittered(policy_.interval)), now);
}

TimePoint Schedule::rounded(TimePoint when) const {
  const auto step = std::min(policy_.interval / kPartsOfInterval, kLargestStep);
  if (step <= Duration::zero()) return when;
  return TimePoint((when.time_since_epoch() + step / 2) / step * step);
}

Duration Schedule::jittered(Duration interval) {
  std::uniform_real_distribution<double> factor(1 - kJitter, 1 + kJitter);
  return std::chrono::duration_cast<Duration>(interval * factor(random_));
}

}  // namespace anyprobe
