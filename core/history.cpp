#include "history.hpp"

#include <algorithm>
#include <bit>

namespace anyprobe {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t kLongestDetail = 160;

// An answer in 32 bits: verdict 2, reason 7, time taken 12, time since the answer before 11.
constexpr unsigned kReasonBits = Reasons::kBits;
constexpr unsigned kTookBits = 12;
constexpr unsigned kGapBits = 11;
static_assert(2 + kReasonBits + kTookBits + kGapBits == 32);

// A number as its first eight binary digits and how many follow; what is too large is the largest there is.
constexpr unsigned kDigits = 7;  // the first of eight is 1

constexpr std::uint32_t shrink(std::uint64_t number, unsigned bits) {
  const std::uint32_t most = (1U << bits) - 1;
  if (number < (1U << kDigits)) return static_cast<std::uint32_t>(number);
  const auto shift = static_cast<unsigned>(std::bit_width(number)) - kDigits - 1;
  const auto digits = static_cast<std::uint32_t>(number >> shift) - (1U << kDigits);
  return std::min(((shift + 1) << kDigits) + digits, most);
}

constexpr std::uint64_t grow(std::uint32_t shrunk) {
  const auto digits = shrunk & ((1U << kDigits) - 1);
  const auto step = shrunk >> kDigits;
  return step == 0 ? digits : (std::uint64_t{digits} + (1U << kDigits)) << (step - 1);
}

static_assert(grow(shrink(1000, kGapBits)) == 1000);
static_assert(grow(shrink(127, kGapBits)) == 127 && grow(shrink(128, kGapBits)) == 128);
static_assert(grow(shrink(1ULL << 60U, kGapBits)) == 255U << 14U);

Reasons& reasons() {
  static Reasons all;
  return all;
}

template <typename Unit>
std::uint64_t count_of(Duration duration) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(std::chrono::duration_cast<Unit>(duration).count(), 0));
}

}  // namespace

std::uint32_t Reasons::place_of(std::string_view reason) {
  for (std::uint32_t i = 0; i < count_; ++i) {
    if (all_[i].data() == reason.data() || all_[i] == reason) return i;
  }
  if (count_ == all_.size()) return 0;
  all_[count_] = reason;
  return count_++;
}

void History::add(TimePoint at, Verdict verdict, std::string_view reason, Duration took) noexcept {
  const auto gap = count_ == 0 ? 0 : shrink(count_of<milliseconds>(at - last_), kGapBits);
  last_ = count_ == 0 ? at : last_ + milliseconds(grow(gap));
  // After a long pause the ring cannot say how long it was.
  if (gap == (1U << kGapBits) - 1) last_ = at;
  std::uint32_t packed = static_cast<std::uint32_t>(verdict);
  packed = packed << kReasonBits | reasons().place_of(reason);
  packed = packed << kTookBits | shrink(count_of<microseconds>(took), kTookBits);
  ring_[next_] = packed << kGapBits | gap;
  next_ = static_cast<std::uint8_t>((next_ + 1U) % kMostAnswers);
  count_ = static_cast<std::uint8_t>(std::min<std::size_t>(count_ + 1U, kMostAnswers));
}

void History::add(TimePoint at, HealthState to, std::string_view reason, std::string_view detail) {
  if (transitions_.size() == kMostTransitions) transitions_.erase(transitions_.begin());
  transitions_.push_back({at, to, reason, std::string(detail.substr(0, kLongestDetail))});
}

std::vector<History::Answer> History::answers(std::size_t most) const {
  std::vector<Answer> out;
  auto at = last_;
  for (std::size_t i = 1; i <= std::min<std::size_t>(count_, most); ++i) {
    auto packed = ring_[(next_ + kMostAnswers - i) % kMostAnswers];
    const auto take = [&](unsigned bits) {
      const auto part = packed & ((1U << bits) - 1);
      packed >>= bits;
      return part;
    };
    const auto gap = take(kGapBits);
    const auto took = take(kTookBits);
    const auto reason = take(kReasonBits);
    out.push_back({at, static_cast<Verdict>(packed), reasons().at(reason), microseconds(grow(took))});
    at -= milliseconds(grow(gap));
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<History::Transition> History::transitions(std::size_t most) const {
  const auto count = std::min(most, transitions_.size());
  return {transitions_.end() - static_cast<std::ptrdiff_t>(count), transitions_.end()};
}

}  // namespace anyprobe
