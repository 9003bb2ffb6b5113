#include "drain_queue.hpp"

#include <algorithm>

namespace anyprobe {

void DrainQueue::join(TimePoint now) {
  joined_ = now;
  if (state_ != State::out && state_ != State::returning) return;
  // Whoever has not given it back yet has it still, and others may go before.
  state_ = state_ == State::out ? State::waiting : State::claiming;
  told_ = now;
  there_.reset();
  seen_.reset();
}

void DrainQueue::leave() {
  if (queues()) state_ = State::out;
}

void DrainQueue::resume() {
  if (state_ == State::holding) state_ = State::returning;
  leave();
}

void DrainQueue::returned() {
  if (state_ == State::returning) state_ = State::out;
}

DrainQueue::Step DrainQueue::look_blindly(TimePoint now) {
  // What would be announced now might come behind another's.
  if (!there_) state_ = State::waiting;
  if (now - told_ < kBlind) return Step::wait;
  state_ = State::out;
  return Step::refuse_blind;
}

DrainQueue::Step DrainQueue::take_turn(TimePoint now) {
  if (std::any_of(seen_->service.begin(), seen_->service.end(),
                  [](unsigned others) { return others == 0; })) {
    state_ = State::out;
    return Step::refuse_last;
  }
  if (now - joined_ > kKeen) return Step::wait;
  state_ = State::holding;
  return Step::drain;
}

DrainQueue::Step DrainQueue::look(TimePoint now, Duration flooding, const std::optional<Sighting>& token,
                                  std::span<const std::optional<Sighting>> service) {
  if (!queues()) return Step::wait;
  if (now - joined_ > kForgotten) {
    leave();
    return Step::wait;
  }
  const auto fresh = [now](const std::optional<Sighting>& one) { return one && now - one->asked <= kLook; };
  if (!fresh(token) || !std::all_of(service.begin(), service.end(), fresh)) return look_blindly(now);
  told_ = now;

  Seen seen{token->others, token->before, {}};
  for (const auto& one : service) seen.service.push_back(one->others);
  if (seen_ != seen) changed_ = now;
  seen_ = std::move(seen);

  if (state_ == State::waiting) {
    if (token->others == 0) state_ = State::claiming;
    there_.reset();
    return Step::wait;
  }
  if (!token->ours) {
    // It is not announced yet, or not any more: what has come before it comes first.
    there_.reset();
    if (token->others > 0) state_ = State::waiting;
    return Step::wait;
  }
  if (!there_) there_ = now;
  const bool known_to_all = now - *there_ >= 2 * flooding + kLook && now - changed_ >= flooding;
  if (!known_to_all || !token->settled || token->before > 0) return Step::wait;
  return take_turn(now);
}

}  // namespace anyprobe
