// What is counted of the checks of one service, for metrics. Small, since there may be thousands of them, and
// it takes memory only where something comes up for the first time. Counts begin again at zero after 2^32.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "event_loop.hpp"
#include "health.hpp"
#include "probe.hpp"

namespace anyprobe {

class CheckCounts {
 public:
  // Up to which a check counts for a bucket; there is one more, for those that took longer.
  static constexpr std::array<std::chrono::microseconds, 12> kBounds{{
      std::chrono::microseconds(500),
      std::chrono::microseconds(1000),
      std::chrono::microseconds(2500),
      std::chrono::microseconds(5000),
      std::chrono::microseconds(10'000),
      std::chrono::microseconds(25'000),
      std::chrono::microseconds(50'000),
      std::chrono::microseconds(100'000),
      std::chrono::microseconds(250'000),
      std::chrono::microseconds(500'000),
      std::chrono::microseconds(1'000'000),
      std::chrono::microseconds(2'500'000),
  }};
  static constexpr std::size_t kStates = 3;  // of HealthState
  using Buckets = std::array<std::uint32_t, kBounds.size() + 1>;

  struct Outcome {
    const char* reason = nullptr;  // lives as long as the program, as reasons do
    std::uint32_t times = 0;
    std::uint16_t length = 0;
    Verdict verdict = Verdict::fail;

    [[nodiscard]] std::string_view name() const { return {reason, length}; }
  };

  // How long one took that could not be asked says nothing of the service.
  void add(Verdict verdict, std::string_view reason, Duration took);
  void add(HealthState to) { ++transitions_[static_cast<std::size_t>(to)]; }

  [[nodiscard]] const std::vector<Outcome>& outcomes() const { return outcomes_; }
  [[nodiscard]] const Buckets& buckets() const { return buckets_; }
  [[nodiscard]] std::chrono::microseconds total() const { return total_; }
  [[nodiscard]] const std::array<std::uint32_t, kStates>& transitions() const { return transitions_; }

 private:
  std::vector<Outcome> outcomes_;
  std::chrono::microseconds total_{};
  Buckets buckets_{};
  std::array<std::uint32_t, kStates> transitions_{};
};

}  // namespace anyprobe
