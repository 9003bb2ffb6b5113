// Route flap damping (RFC 2439 section 4): each withdrawal adds a penalty that decays with a half-life; above
// one threshold the address is suppressed, and it stays so until the penalty has decayed below another. Pure:
// no clock.
#pragma once

#include <chrono>

#include "event_loop.hpp"

namespace anyprobe {

struct DampingPolicy {
  double penalty = 1000;   // per withdrawal
  double suppress = 2000;  // the figure of merit above which it is held back
  double reuse = 750;      // and below which it is let go; less than suppress
  Duration half_life = std::chrono::minutes(15);
  Duration maximum = std::chrono::minutes(60);  // never held back for longer than this

  friend bool operator==(const DampingPolicy&, const DampingPolicy&) = default;
};

class Damping {
 public:
  explicit Damping(const DampingPolicy& policy) : policy_(policy) {}

  void flap(TimePoint now);
  [[nodiscard]] double penalty(TimePoint now) const;
  [[nodiscard]] bool suppressed(TimePoint now) const;
  // When it is let go if nothing more happens; only of one that is suppressed.
  [[nodiscard]] TimePoint reuse_at() const { return reuse_at_; }

 private:
  DampingPolicy policy_;
  double penalty_ = 0;  // as it was at since_
  TimePoint since_{};
  TimePoint reuse_at_{};
};

}  // namespace anyprobe
