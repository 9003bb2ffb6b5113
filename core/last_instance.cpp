#include "last_instance.hpp"

#include <algorithm>

namespace anyprobe {

void LastInstance::fail(const LastInstancePolicy& policy, const Others& others, bool dead) {
  kept_.assign(others.size(), false);
  if (dead && !policy.keeps_dead) return;
  for (std::size_t i = 0; i < others.size(); ++i) kept_[i] = others[i] && *others[i] < policy.min_peers;
}

std::vector<std::size_t> LastInstance::look(const LastInstancePolicy& policy, const Others& others,
                                            bool dead) {
  std::vector<std::size_t> gone;
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    if (!kept_[i]) continue;
    // What cannot be told for a while does not undo what was known.
    const bool enough =
        i >= others.size() || policy.min_peers == 0 || (others[i] && *others[i] >= policy.min_peers);
    if (!enough && !(dead && !policy.keeps_dead)) continue;
    kept_[i] = false;
    gone.push_back(i);
  }
  return gone;
}

bool LastInstance::any() const {
  return std::find(kept_.begin(), kept_.end(), true) != kept_.end();
}

}  // namespace anyprobe
