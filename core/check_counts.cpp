#include "check_counts.hpp"

#include <algorithm>

namespace anyprobe {

void CheckCounts::add(Verdict verdict, std::string_view reason, Duration took) {
  const auto known = std::find_if(outcomes_.begin(), outcomes_.end(), [&](const Outcome& one) {
    return one.verdict == verdict && one.name() == reason;
  });
  if (known != outcomes_.end())
    ++known->times;
  else
    outcomes_.push_back({reason.data(), 1, static_cast<std::uint16_t>(reason.size()), verdict});
  if (verdict == Verdict::local_error) return;
  const auto us = std::chrono::ceil<std::chrono::microseconds>(took);
  total_ += us;
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), us);
  ++buckets_[static_cast<std::size_t>(bucket - kBounds.begin())];
}

}  // namespace anyprobe
