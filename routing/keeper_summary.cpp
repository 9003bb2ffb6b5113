#include <algorithm>

#include "keeper.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kMostNames = 8;

std::string listed(const char* what, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string out = std::string("; ") + what + ": ";
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i) out += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMostNames) out += " and " + std::to_string(names.size() - kMostNames) + " more";
  return out;
}

}  // namespace

// The keeper knows what it holds and not how a service is: one that is up may be drained or wait its turn.
std::string Keeper::summary() const {
  const auto states = reconciler_.states();
  std::vector<std::string> not_announced;
  std::vector<std::string> drained;
  std::size_t announced = 0;
  std::size_t at = 0;
  for (const auto& service : current_.view.services) {
    const auto first = std::min(at, states.size());
    const auto last = std::min(at + service.served, states.size());
    at += service.advertisements;
    const auto held = [&](std::size_t i) { return states[i] == AdvertisementState::announced; };
    bool all = last > first;
    for (auto i = first; i < last; ++i) all = all && held(i);
    if (drained_.contains(service.name))
      drained.push_back(service.name);
    else if (!all)
      not_announced.push_back(service.name);
    announced += all ? 1 : 0;
  }
  const auto total = current_.view.services.size();
  const bool suspended =
      std::any_of(seats_.begin(), seats_.end(), [](const auto& s) { return s->suspended; });
  return std::string(suspended ? "suspended (SIGTSTP): " : "") + std::to_string(announced) + " of " +
         std::to_string(total) + (total == 1 ? " service announced" : " services announced") +
         listed("not", not_announced) + listed("drained", drained) +
         (refusal_.empty() ? "" : "; the last reload was refused");
}

}  // namespace anyprobe
