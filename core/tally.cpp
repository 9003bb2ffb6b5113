#include "tally.hpp"

#include <algorithm>

namespace anyprobe {

void Tally::reset() {
  passed_ = 0;
  done_ = false;
  failed_.clear();
  not_asked_.clear();
}

std::optional<Result> Tally::add(const Result& result) {
  if (done_) return std::nullopt;
  if (result.verdict == Verdict::pass && ++passed_ >= need_) {
    done_ = true;
    return result;
  }
  if (result.verdict == Verdict::fail) failed_.push_back(result);
  if (result.verdict == Verdict::local_error) not_asked_.push_back(result);

  const auto may_pass = probes_ - failed_.size();
  if (may_pass < need_) {
    done_ = true;
    auto out = failed_.back();
    // A failure of the whole is as certain as the least certain of those that it takes.
    const bool all_conclusive = std::all_of(
        failed_.begin(), failed_.end(), [](const Result& r) { return r.evidence == Evidence::conclusive; });
    if (!all_conclusive) out.evidence = Evidence::soft;
    return out;
  }
  if (passed_ + failed_.size() + not_asked_.size() == probes_) {
    done_ = true;
    return not_asked_.back();
  }
  return std::nullopt;
}

}  // namespace anyprobe
