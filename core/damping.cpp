#include "damping.hpp"

#include <algorithm>
#include <cmath>

namespace anyprobe {
namespace {

double in_half_lives(Duration duration, Duration half_life) {
  return std::chrono::duration<double>(duration) / std::chrono::duration<double>(half_life);
}

}  // namespace

double Damping::penalty(TimePoint now) const {
  return penalty_ * std::exp2(-in_half_lives(std::max(now - since_, Duration::zero()), policy_.half_life));
}

void Damping::flap(TimePoint now) {
  const bool was_suppressed = suppressed(now);
  // The ceiling is what makes `maximum` true: from there, the decay to `reuse` takes just so long.
  const double ceiling = policy_.reuse * std::exp2(in_half_lives(policy_.maximum, policy_.half_life));
  penalty_ = std::min(penalty(now) + policy_.penalty, ceiling);
  since_ = now;
  if (!was_suppressed && penalty_ <= policy_.suppress) return;
  const double half_lives = std::log2(std::max(penalty_ / policy_.reuse, 1.0));
  reuse_at_ = now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(policy_.half_life) *
                                                         half_lives);
}

bool Damping::suppressed(TimePoint now) const {
  return now < reuse_at_;
}

}  // namespace anyprobe
