#include "spacing.hpp"

#include <algorithm>

namespace anyprobe {

Spacing::Key Spacing::key_of(const Advertisement& what) {
  return what.kind == Advertisement::Kind::link ? key_of_link(what.interface) : key_of(what.prefix);
}

Spacing::Key Spacing::key_of(const Prefix& prefix) {
  return {Prefix{prefix.network(), prefix.length}, {}};
}

void Spacing::announced(const Key& key, TimePoint at) {
  of_[key] = {at, at, true};
}

void Spacing::withdrawn(const Key& key, TimePoint at) {
  auto& history = of_[key];
  history.changed = at;
  history.there = false;
}

void Spacing::missed(const Key& key, TimePoint now) {
  const auto it = of_.find(key);
  if (it == of_.end() || it->second.there) withdrawn(key, now);
}

void Spacing::forget(TimePoint now) {
  const auto old = now - std::max(gap_, kMinLsInterval);
  std::erase_if(of_, [old](const auto& each) { return each.second.changed < old; });
}

TimePoint Spacing::may_announce(const Key& key) const {
  const auto it = of_.find(key);
  if (!on() || it == of_.end()) return {};
  const auto& history = it->second;
  const auto interval = history.announced == TimePoint() ? TimePoint() : history.announced + kMinLsInterval;
  return std::max(history.changed + gap_, interval);
}

TimePoint Spacing::may_withdraw(const Key& key) const {
  const auto it = of_.find(key);
  return !on() || it == of_.end() ? TimePoint() : it->second.changed + gap_;
}

}  // namespace anyprobe
