#include "repair_book.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {

std::string some_of(const std::vector<std::string>& texts) {
  constexpr std::size_t kNamedAtOnce = 3;
  std::string out;
  for (std::size_t i = 0; i < std::min(texts.size(), kNamedAtOnce); ++i)
    out += (i == 0 ? "" : ", ") + texts[i];
  if (texts.size() > kNamedAtOnce) out += " and " + std::to_string(texts.size() - kNamedAtOnce) + " more";
  return out;
}

std::string RepairBook::tell(TimePoint now) {
  std::vector<std::string> texts;
  for (auto& [what, repairs] : repairs_) {
    if (repairs.untold == 0) continue;
    if (repairs.told != TimePoint{} && now - repairs.told < gap_) continue;
    texts.push_back(what.to_string() +
                    (repairs.untold == 1 ? "" : " (" + std::to_string(repairs.untold) + " times)"));
    repairs = {now, 0};
  }
  if (texts.empty()) return {};
  const auto who = std::exchange(culprit_, {});
  return (who.empty() ? "somebody" : who + ",") + " removed or altered " + some_of(texts) + ": put right";
}

}  // namespace anyprobe
