#include "linger_watch.hpp"

namespace anyprobe {

void LingerWatch::see(const Advertisement& what, AdvertisementState state, TimePoint now) {
  if (state == AdvertisementState::lingering)
    since_.try_emplace(what, Lingering{now, {}});
  else
    since_.erase(what);
}

bool LingerWatch::is_over(const Advertisement& what, const std::optional<Sighting>& told, TimePoint now) {
  const auto found = since_.find(what);
  if (found == since_.end()) return false;
  auto& lingering = found->second;
  if (!told) return now - lingering.since >= kUntold;
  // What was asked before tells how it was before.
  if (!told->ours && told->asked >= lingering.since && !lingering.shown) lingering.shown = now;
  return lingering.shown && now - *lingering.shown >= kAfterThat;
}

}  // namespace anyprobe
