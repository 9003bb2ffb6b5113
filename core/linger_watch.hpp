// When what lingers need linger no more: what FRR announced is told to nobody any more. Pure: it takes the
// time as an argument.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "advertisement.hpp"
#include "confirmation.hpp"

namespace anyprobe {

class LingerWatch {
 public:
  // For packets that are on their way when the database shows it withdrawn.
  static constexpr Duration kAfterThat = std::chrono::seconds(1);
  // Where it is never shown.
  static constexpr Duration kUntold = std::chrono::seconds(2);

  // `what` is so now.
  void see(const Advertisement& what, AdvertisementState state, TimePoint now);
  // Whether it has lingered for long enough; `told` is nothing where it cannot be told.
  [[nodiscard]] bool is_over(const Advertisement& what, const std::optional<Sighting>& told, TimePoint now);
  [[nodiscard]] bool any() const { return !since_.empty(); }

 private:
  struct Lingering {
    TimePoint since{};
    std::optional<TimePoint> shown;
  };
  std::map<Advertisement, Lingering> since_;
};

}  // namespace anyprobe
