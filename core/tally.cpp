#include "tally.hpp"

#include <algorithm>

namespace anyprobe {

void Tally::Group::add(const Result& result) {
  if (result.verdict == Verdict::pass) ++passed;
  if (result.verdict == Verdict::fail) failed.push_back(result);
  if (result.verdict == Verdict::local_error) not_asked.push_back(result);
}

void Tally::Group::reset() {
  passed = 0;
  failed.clear();
  not_asked.clear();
}

void Tally::reset() {
  done_ = false;
  own_.reset();
  shared_.reset();
}

std::optional<Result> Tally::add(Result result, bool shared) {
  if (done_) return std::nullopt;
  (shared ? shared_ : own_).add(result);
  done_ = true;
  const auto passed = own_.passed + shared_.passed;
  if (passed >= need_) return result;
  const auto missing = own_.missing() + shared_.missing();
  if (passes_by_own() && passed + missing < need_) return in_spite_of_shared();
  const bool own_may_do = own_.may_pass() > 0 && own_.may_pass() + shared_.all >= need_;
  if (!own_may_do && own_.may_pass() + shared_.may_pass() < need_)
    return failure(own_.may_pass() + shared_.all < need_);
  if (missing == 0) return own_.not_asked.empty() ? shared_.not_asked.back() : own_.not_asked.back();
  done_ = false;
  return std::nullopt;
}

bool Tally::passes_by_own() const {
  return own_.passed > 0 && own_.passed + shared_.all >= need_;
}

Result Tally::in_spite_of_shared() const {
  const auto& why = shared_.failed.empty() ? shared_.not_asked.back() : shared_.failed.back();
  std::string detail(why.reason);
  if (!why.detail.empty()) detail += ", " + why.detail;
  return {Verdict::pass, Evidence::soft, kSharedFailed, detail + "; the service itself passes"};
}

// As certain as the least certain of those that it takes. `own_alone`: it takes no shared one.
Result Tally::failure(bool own_alone) const {
  const bool by_shared = !own_alone && !shared_.failed.empty();
  auto out = by_shared ? shared_.failed.back() : own_.failed.back();
  const auto certain = [](const Result& r) { return r.evidence == Evidence::conclusive; };
  const bool all_certain = std::all_of(own_.failed.begin(), own_.failed.end(), certain) &&
                           (own_alone || std::all_of(shared_.failed.begin(), shared_.failed.end(), certain));
  if (!all_certain) out.evidence = Evidence::soft;
  return out;
}

}  // namespace anyprobe
