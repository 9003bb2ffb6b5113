#include "last_instance.hpp"

namespace anyprobe {

std::string kept_line(std::string_view service, std::string_view what) {
  return std::string(service) + ": " + std::string(what) + std::string(kKeptWords);
}

void LastInstance::fail(const LastInstancePolicy& policy, const Others& others, bool dead,
                        TimePoint open_until) {
  clear();
  if (dead && !policy.keeps_dead) return;
  failing_ = std::make_unique<Failing>();
  failing_->open_until = open_until;
  for (const auto& [what, known] : others) {
    if (known && *known < policy.min_peers) failing_->kept.insert(what);
    if (!known && open_until != TimePoint()) failing_->open.insert(what);
  }
}

LastInstance::Change LastInstance::look(const LastInstancePolicy& policy, const Others& others, bool dead,
                                        TimePoint now) {
  if (!failing_) return {};
  auto& [kept, open, open_until] = *failing_;
  const bool off = policy.min_peers == 0 || (dead && !policy.keeps_dead);
  const auto known = [&](const Advertisement& what) {
    const auto found = others.find(what);
    return found == others.end() ? std::nullopt : found->second;
  };
  Change out;
  for (const auto& what : open) {
    if (known(what) && *known(what) < policy.min_peers && !off) out.kept.insert(what);
    if (off || !others.contains(what) || known(what) >= policy.min_peers || now >= open_until)
      out.gone.insert(what);
  }
  for (const auto& what : out.kept) out.gone.erase(what);
  for (const auto& what : kept) {
    // What cannot be told for a while does not undo what was known.
    if (off || !others.contains(what) || known(what) >= policy.min_peers) out.gone.insert(what);
  }
  for (const auto& what : out.gone) {
    kept.erase(what);
    open.erase(what);
  }
  for (const auto& what : out.kept) {
    open.erase(what);
    kept.insert(what);
  }
  return out;
}

void LastInstance::clear() {
  failing_.reset();
}

}  // namespace anyprobe
