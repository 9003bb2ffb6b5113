#include "metrics_round.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {
namespace {

// They take some milliseconds.
constexpr std::size_t kAtOnce = 100;
constexpr Duration kBetween = std::chrono::milliseconds(1);
constexpr int kRestOfRound = 9;
constexpr Duration kServes = std::chrono::seconds(1);

}  // namespace

MetricsRound::MetricsRound(EventLoop& loop, Source source, std::function<void()> made)
    : source_(std::move(source)), made_(std::move(made)), more_(loop, [this] { step(); }) {}

bool MetricsRound::settled() {
  if (text_ && Clock::now() < good_until_) return true;
  if (more_.active()) return false;
  begin();
  // Of few it is all.
  while (first_ < kAtOnce && add_some()) {
  }
  if (text_ && Clock::now() < good_until_) return true;
  more_.start(kBetween);
  return false;
}

Outcome<std::string> MetricsRound::text() {
  if (!can_make_metrics()) return metrics_text({});
  if (!text_) {
    more_.stop();
    begin();
    while (add_some()) {
    }
  }
  return *text_;
}

void MetricsRound::begin_anew() {
  good_until_ = {};
  if (!more_.active()) return;
  begin();
}

void MetricsRound::begin() {
  const auto since = Clock::now();
  making_ = {};
  first_ = 0;
  const auto head = source_.head();
  daemon_ = head.name;
  making_.begin(head);
  worked_ = Clock::now() - since;
}

bool MetricsRound::add_some() {
  const auto since = Clock::now();
  const auto some = source_.services(first_, kAtOnce);
  making_.add(daemon_, some);
  first_ += some.size();
  const bool is_over = some.size() < kAtOnce;
  if (is_over) {
    if (const auto beside = source_.beside ? source_.beside() : std::nullopt) {
      making_.begin(*beside);
      if (knows(*beside)) making_.add(beside->name, beside->services);
    }
    text_ = std::exchange(making_, {}).text();
  }
  const auto now = Clock::now();
  worked_ += now - since;
  if (is_over) good_until_ = now + std::min<Duration>(kRestOfRound * worked_, kServes);
  return !is_over;
}

void MetricsRound::step() {
  if (add_some()) return more_.start(kBetween);
  made_();
}

}  // namespace anyprobe
