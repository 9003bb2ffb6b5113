#include "runner.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {

Runner::Runner(EventLoop& loop, const std::vector<Probe*>& probes, std::size_t need, Duration timeout,
               Done done, const std::vector<bool>& shared)
    : tally_(probes.size(), need, static_cast<std::size_t>(std::count(shared.begin(), shared.end(), true))),
      timeout_(timeout),
      done_(std::move(done)),
      deadline_(loop, [this] { deadline(); }),
      finish_(loop, [this] { finish(); }) {
  slots_.reserve(probes.size());
  for (std::size_t i = 0; i < probes.size(); ++i)
    slots_.push_back(std::make_unique<Slot>(*this, *probes[i], i < shared.size() && shared[i]));
}

Runner::~Runner() {
  cancel();
}

void Runner::start(bool details) {
  details_ = details;
  tally_.reset();
  result_.reset();
  running_ = true;
  started_ = Clock::now();
  for (auto& slot : slots_) slot->reported = false;
  deadline_.start(timeout_);
  for (auto& slot : slots_) {
    if (result_) break;
    slot->attempt = slot->probe.start(*slot);
  }
}

void Runner::Slot::report(Result result) noexcept {
  if (reported) return;
  reported = true;
  runner_.take(std::move(result), shared_);
}

void Runner::take(Result&& result, bool shared) {
  if (!running_ || result_) return;
  // Read only after we stood still for so long, it says how the service was, and nothing of now.
  if (result.verdict == Verdict::pass && Clock::now() > started_ + 2 * timeout_)
    result = {Verdict::local_error, Evidence::soft, "late", "an answer was read long after its deadline"};
  result_ = tally_.add(std::move(result), shared);
  if (!result_) return;
  ended_ = Clock::now();
  // Whoever reports may be deep inside the attempt, so it is destroyed later, from a clean stack.
  finish_.schedule();
}

void Runner::deadline() {
  for (auto& slot : slots_) {
    if (slot->reported) continue;
    auto owed = slot->attempt ? slot->attempt->waiting_for() : std::string();
    if (slot->attempt && !slot->attempt->asked()) {
      slot->report({Verdict::local_error, Evidence::soft, "not_asked",
                    owed.empty() ? "the question could not be put in time" : std::move(owed)});
    } else {
      slot->report(
          {Verdict::fail, Evidence::soft, "timeout", owed.empty() ? "no answer in time" : std::move(owed)});
    }
    if (result_) return;
  }
}

void Runner::cancel() {
  running_ = false;
  deadline_.stop();
  finish_.cancel();
  for (auto& slot : slots_) {
    slot->reported = true;
    slot->attempt.reset();
  }
}

void Runner::finish() {
  const auto result = std::move(*result_);
  result_.reset();
  cancel();
  done_(result, ended_ - started_);
}

}  // namespace anyprobe
