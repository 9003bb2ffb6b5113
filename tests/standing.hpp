// What tests say of advertisements where only announced or not matters: without a lease that could end.
#pragma once

#include <vector>

#include "routing/reconciler.hpp"

namespace anyprobe {

inline Wish wish(bool announce) {
  return announce ? Wish::announce : Wish::withdraw;
}

inline std::vector<Wish> wishes(const std::vector<bool>& announce) {
  std::vector<Wish> out;
  for (const bool each : announce) out.push_back(wish(each));
  return out;
}

inline std::vector<Standing> standing(const std::vector<bool>& announce) {
  std::vector<Standing> out;
  for (const auto each : wishes(announce)) out.push_back({each});
  return out;
}

}  // namespace anyprobe
