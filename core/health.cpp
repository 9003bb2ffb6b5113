#include "health.hpp"

#include <algorithm>
#include <utility>

#include "tally.hpp"

namespace anyprobe {

const char* to_string(HealthState state) {
  switch (state) {
    case HealthState::up:
      return "up";
    case HealthState::down:
      return "down";
    case HealthState::unknown:
      break;
  }
  return "unknown";
}

Health::Health(const HealthPolicy& policy, TimePoint now, bool held)
    : policy_(policy), was_up_(held), held_(held), since_(now), last_verdict_(now) {
  if (policy_.damping) damping_ = std::make_unique<Damping>(*policy_.damping);
}

void Health::set_policy(const HealthPolicy& policy) {
  if (policy.damping != policy_.damping) {
    damping_.reset();
    if (policy.damping) damping_ = std::make_unique<Damping>(*policy.damping);
  }
  policy_ = policy;
  held_until_.reset();
}

void Health::start_over(TimePoint now) {
  passes_ = fails_ = 0;
  held_ = false;
  held_until_.reset();
  doubt_ = true;
  shared_failure_.reset();
  shared_against_ = 0;
  if (state_ != HealthState::up) return;
  state_ = HealthState::unknown;
  since_ = last_verdict_ = now;
}

std::optional<HealthEvent> Health::observe(const Result& result, TimePoint now, bool for_certain) {
  if (result.verdict == Verdict::local_error) return tick(now);
  last_verdict_ = now;
  const bool decides = std::exchange(held_, false);
  if (result.verdict == Verdict::pass) {
    fails_ = 0;
    passes_ = decides ? policy_.rise : std::min(passes_ + 1, policy_.rise);
    doubt_ = state_ != HealthState::up;
    if (state_ != HealthState::up) last_pass_ = std::make_unique<Result>(result);
    auto shared = weigh_shared(result, now);
    auto risen = rise_if_allowed(now);
    return risen ? std::move(risen) : std::move(shared);
  }
  passes_ = 0;
  held_until_.reset();
  fails_ = decides || for_certain ? policy_.fall : std::min(fails_ + 1, policy_.fall);
  doubt_ = state_ != HealthState::down;
  if (state_ == HealthState::down || fails_ < policy_.fall) return std::nullopt;
  return change(HealthState::down, result.reason, result.detail, now);
}

std::optional<HealthEvent> Health::tick(TimePoint now) {
  if (state_ != HealthState::down && now - last_verdict_ >= policy_.stale_after) {
    passes_ = 0;
    held_ = false;
    return change(HealthState::down, "stale", "no verdict for too long", now);
  }
  return rise_if_allowed(now);
}

TimePoint Health::next_tick() const {
  if (held_until_) return *held_until_;
  return state_ == HealthState::down ? TimePoint::max() : last_verdict_ + policy_.stale_after;
}

TimePoint Health::held_until(TimePoint now, std::string_view& by) const {
  TimePoint until = now;
  if (state_ == HealthState::down && was_up_ && since_ + policy_.hold_down > until) {
    until = since_ + policy_.hold_down;
    by = "hold_down";
  }
  if (damping_ && damping_->suppressed(now) && damping_->reuse_at() > until) {
    until = damping_->reuse_at();
    by = "damping";
  }
  return until;
}

std::optional<HealthEvent> Health::rise_if_allowed(TimePoint now) {
  if (state_ == HealthState::up || passes_ < policy_.rise) return std::nullopt;
  if (now - last_verdict_ >= policy_.stale_after) {  // held for so long that its answers are old
    passes_ = 0;
    held_until_.reset();
    return std::nullopt;
  }
  std::string_view by;
  if (const auto until = held_until(now, by); until > now) {
    doubt_ = false;  // asking faster would not bring it back sooner
    if (held_until_ == until) return std::nullopt;
    held_until_ = until;
    HealthEvent event;
    event.kind = HealthEvent::Kind::held;
    event.from = event.to = state_;
    event.held_by = by;
    event.held_for = until - now;
    event.lasted = now - since_;
    if (damping_) event.penalty = damping_->penalty(now);
    event.suppressed = damping_ && damping_->suppressed(now);
    return event;
  }
  held_until_.reset();
  const auto why = std::move(last_pass_);
  return change(HealthState::up, why->reason, why->detail, now);
}

std::optional<HealthEvent> Health::weigh_shared(const Result& pass, TimePoint now) {
  if (state_ != HealthState::up) return std::nullopt;
  const bool fails = pass.reason == kSharedFailed;
  if (fails && shared_failure_) shared_failure_->detail = pass.detail;
  if (fails == (shared_failure_ != nullptr)) {
    shared_against_ = 0;
    return std::nullopt;
  }
  if (++shared_against_ < (fails ? policy_.fall : policy_.rise)) return std::nullopt;
  shared_against_ = 0;
  HealthEvent event;
  event.kind = fails ? HealthEvent::Kind::shared_fails : HealthEvent::Kind::shared_passes;
  event.from = event.to = state_;
  event.reason = pass.reason;
  event.detail = pass.detail;
  if (shared_failure_) event.lasted = now - shared_failure_->since;
  shared_failure_.reset();
  if (fails) shared_failure_ = std::make_unique<SharedFailure>(SharedFailure{now, pass.detail});
  return event;
}

HealthEvent Health::change(HealthState to, std::string_view reason, std::string detail, TimePoint now) {
  if (damping_ && state_ == HealthState::up) damping_->flap(now);
  HealthEvent event;
  event.from = state_;
  event.to = to;
  event.reason = reason;
  event.detail = std::move(detail);
  event.lasted = now - since_;
  if (damping_) event.penalty = damping_->penalty(now);
  event.suppressed = damping_ && damping_->suppressed(now);
  shared_failure_.reset();
  shared_against_ = 0;
  if (to == HealthState::up && reason == kSharedFailed)
    shared_failure_ = std::make_unique<SharedFailure>(SharedFailure{now, event.detail});
  was_up_ = was_up_ || to == HealthState::up;
  state_ = to;
  since_ = now;
  doubt_ = false;
  return event;
}

}  // namespace anyprobe
