// When the next attempt is due. Pure: no clock; its chance is given to it.
#pragma once

#include <cstdint>
#include <random>

#include "event_loop.hpp"

namespace anyprobe {

struct SchedulePolicy {
  Duration interval = std::chrono::seconds(1);
  Duration fast_interval = std::chrono::milliseconds(100);  // while an answer differs from the state

  friend bool operator==(const SchedulePolicy&, const SchedulePolicy&) = default;
};

class Schedule {
 public:
  // Each interval is longer or shorter by up to this part of it, so that services that once asked in the same
  // millisecond drift apart; with what rounding adds that is a twentieth.
  static constexpr double kJitter = 0.04;
  // Times are rounded to a hundredth of the interval, 10 ms at most, counted for all services from the same
  // moment, so that one waking of the process does for several of them.
  static constexpr int kPartsOfInterval = 100;
  static constexpr Duration kLargestStep = std::chrono::milliseconds(10);
  // At a start, this many services a millisecond ask for the first time.
  static constexpr unsigned kFirstPerMillisecond = 2;

  Schedule(const SchedulePolicy& policy, std::uint32_t seed) : policy_(policy), random_(seed) {}

  // The first attempt of the service that is `position`th of `all` that start together; all of them ask
  // within one interval.
  TimePoint first(TimePoint now, std::size_t position, std::size_t all = 1);
  // The attempt after one that was due at `due` and is over at `now`. Never in the past: what was missed is
  // not made up for. `least`: of a fast interval, as far as that is below the usual one.
  TimePoint next(TimePoint due, TimePoint now, bool fast, Duration least = {});

  void set_policy(const SchedulePolicy& policy) { policy_ = policy; }

 private:
  Duration jittered(Duration interval);
  [[nodiscard]] TimePoint rounded(TimePoint when) const;

  SchedulePolicy policy_;
  std::minstd_rand random_;
};

}  // namespace anyprobe
