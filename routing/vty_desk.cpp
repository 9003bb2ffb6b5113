#include "vty_desk.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {
namespace {

constexpr int kRest = 9;  // times as long as the last question took
constexpr Duration kShortestRest = std::chrono::milliseconds(2);
constexpr Duration kLongestRest = std::chrono::seconds(10);

}  // namespace

VtyDesk::VtyDesk(EventLoop& loop, Tell tell)
    : tell_(std::move(tell)),
      question_(loop, [this](const FrrAnswer& answer,
                             Descriptor replies) { finished(answer, std::move(replies)); }),
      rest_(loop, [this] { next(); }) {}

void VtyDesk::ask(std::uint32_t serial, const std::string& vty_dir, const FrrInquiry& inquiry,
                  const Prefix& prefix) {
  waiting_ = Waiting{serial, vty_dir + "/" + daemon_of(inquiry.question) + ".vty",
                     commands_of(inquiry.question, prefix)};
  if (!busy_ && !rest_.active()) next();
}

void VtyDesk::forget() {
  waiting_.reset();
  asked_.reset();
}

void VtyDesk::next() {
  if (!waiting_) return;
  auto waiting = *std::exchange(waiting_, std::nullopt);
  asked_ = waiting.serial;
  busy_ = true;
  begun_ = Clock::now();
  question_.ask(waiting.path, std::move(waiting.commands), {});
}

void VtyDesk::finished(const FrrAnswer& answer, Descriptor replies) {
  busy_ = false;
  rest_.start(std::clamp<Duration>(kRest * (Clock::now() - begun_), kShortestRest, kLongestRest));
  if (const auto serial = std::exchange(asked_, std::nullopt)) tell_(*serial, answer, std::move(replies));
}

}  // namespace anyprobe
