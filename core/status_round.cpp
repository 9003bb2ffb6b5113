#include "status_round.hpp"

#include <iterator>
#include <utility>

namespace anyprobe {
namespace {

// They take some milliseconds.
constexpr std::size_t kTakenAtOnce = 200;
constexpr Duration kPause = std::chrono::milliseconds(1);

}  // namespace

StatusRound::StatusRound(EventLoop& loop, Source source, std::function<void()> taken)
    : source_(std::move(source)), done_(std::move(taken)), more_(loop, [this] { step(); }) {}

void StatusRound::begin() {
  if (more_.active()) return;
  taking_.clear();
  first_ = 0;
  worked_ = {};
  step();
}

void StatusRound::begin_anew() {
  taken_.reset();
  if (!more_.active()) return;
  taking_.clear();
  first_ = 0;
}

std::vector<InstanceStatus> StatusRound::take() {
  if (!taken_) {
    more_.stop();
    taking_.clear();
    first_ = 0;
    while (add_some()) {
    }
  }
  return *std::exchange(taken_, std::nullopt);
}

bool StatusRound::add_some() {
  const auto since = Clock::now();
  auto some = source_.some(first_, kTakenAtOnce);
  const auto count = some.services.size();
  first_ += count;
  if (taking_.empty()) {
    taking_.push_back(std::move(some));
  } else {
    auto& whole = taking_.front();
    whole.problems.insert(whole.problems.end(), std::make_move_iterator(some.problems.begin()),
                          std::make_move_iterator(some.problems.end()));
    whole.services.insert(whole.services.end(), std::make_move_iterator(some.services.begin()),
                          std::make_move_iterator(some.services.end()));
  }
  const bool is_over = count < kTakenAtOnce;
  if (is_over) {
    if (auto beside = source_.beside ? source_.beside() : std::nullopt) taking_.push_back(std::move(*beside));
    taken_ = std::exchange(taking_, {});
  }
  worked_ += Clock::now() - since;
  return !is_over;
}

void StatusRound::step() {
  if (add_some()) return more_.start(kPause);
  done_();
}

}  // namespace anyprobe
