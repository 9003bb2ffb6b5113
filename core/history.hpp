// What became of a service lately: its last answers and changes. Kept small, since thousands of services may
// be asked each second.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "health.hpp"
#include "probe.hpp"

namespace anyprobe {

// Their places in a table, which never change. They are few, and the same for all services.
class Reasons {
 public:
  // 0 where there is no room for another.
  std::uint32_t place_of(std::string_view reason);  // of static storage
  [[nodiscard]] std::string_view at(std::uint32_t place) const { return all_[place]; }

  static constexpr unsigned kBits = 7;

 private:
  std::array<std::string_view, 1U << kBits> all_{"other"};
  std::uint32_t count_ = 1;
};

class History {
 public:
  static constexpr std::size_t kMostAnswers = 32;
  static constexpr std::size_t kMostTransitions = 16;

  struct Answer {
    TimePoint at{};  // to a hundredth of the time since the answer before
    Verdict verdict = Verdict::fail;
    std::string_view reason;  // "other": there were more than there is room for
    Duration took{};          // to a hundredth
  };
  struct Transition {
    TimePoint at{};
    HealthState to = HealthState::unknown;
    std::string_view reason;  // of static storage, as in HealthEvent
    std::string detail;       // cut short
  };

  // Makes nothing on the heap.
  void add(TimePoint at, Verdict verdict, std::string_view reason, Duration took) noexcept;
  void add(TimePoint at, HealthState to, std::string_view reason, std::string_view detail);

  // The last of them, at most `most`, the oldest first.
  [[nodiscard]] std::vector<Answer> answers(std::size_t most = kMostAnswers) const;
  [[nodiscard]] std::vector<Transition> transitions(std::size_t most = kMostTransitions) const;

 private:
  std::array<std::uint32_t, kMostAnswers> ring_{};
  std::uint8_t next_ = 0;   // where in the ring
  std::uint8_t count_ = 0;  // of answers
  TimePoint last_{};        // as the ring has it, so that what is rounded away does not add up
  std::vector<Transition> transitions_;
};

}  // namespace anyprobe
