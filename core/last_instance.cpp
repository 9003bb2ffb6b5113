#include "last_instance.hpp"

namespace anyprobe {

std::string kept_line(std::string_view service, std::string_view what) {
  return std::string(service) + ": " + std::string(what) + std::string(kKeptWords);
}

void LastInstance::fail(const LastInstancePolicy& policy, const Others& others, bool dead) {
  kept_.clear();
  if (dead && !policy.keeps_dead) return;
  for (const auto& [what, known] : others) {
    if (known && *known < policy.min_peers) kept_.insert(what);
  }
}

std::set<Advertisement> LastInstance::look(const LastInstancePolicy& policy, const Others& others,
                                           bool dead) {
  const auto goes = [&](const Advertisement& what) {
    const auto known = others.find(what);
    if (known == others.end() || policy.min_peers == 0 || (dead && !policy.keeps_dead)) return true;
    // What cannot be told for a while does not undo what was known.
    return known->second && *known->second >= policy.min_peers;
  };
  std::set<Advertisement> gone;
  for (const auto& what : kept_) {
    if (goes(what)) gone.insert(what);
  }
  for (const auto& what : gone) kept_.erase(what);
  return gone;
}

}  // namespace anyprobe
