// Where the advertisements of the prober's services stand among all of the configuration, and how the kernel
// has them.
#include <algorithm>
#include <span>

#include "prober.hpp"

namespace anyprobe {

std::vector<std::uint32_t> Prober::places_of_own() const {
  std::vector<std::uint32_t> out;
  std::uint32_t at = 0;
  for (const auto& place : places_) {
    for (std::size_t i = 0; i < place.advertisements; ++i, ++at) {
      if (place.service != nullptr) out.push_back(at);
    }
  }
  return out;
}

void Prober::look(const std::vector<AdvertisementState>& own) {
  std::span rest(own);
  const auto now = Clock::now();
  for (const auto& service : services_) {
    const auto& advertised = service->config().advertise;
    const auto states = rest.first(std::min(rest.size(), advertised.size()));
    for (std::size_t i = 0; i < states.size(); ++i) lingering_.see(advertised[i], states[i], now);
    service->set_standing(states);
    rest = rest.subspan(states.size());
  }
  if (lingering_.any() && !tend_.active()) tend_.start(Duration());
  const bool stands = std::any_of(own.begin(), own.end(), [](AdvertisementState state) {
    return state == AdvertisementState::announced || state == AdvertisementState::lingering;
  });
  if (leaving_ && !stands) leave();
}

}  // namespace anyprobe
