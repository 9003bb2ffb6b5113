#include "duration.hpp"

#include <array>
#include <charconv>
#include <cstdint>

#include "text.hpp"

namespace anyprobe {
namespace {

struct Unit {
  const char* name;
  std::int64_t milliseconds;
};
constexpr std::array<Unit, 4> kUnits{{{"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

}  // namespace

Outcome<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::int64_t kLongest = 366LL * 24 * 3'600'000;
  if (error == std::errc{} && number >= 0) {
    for (const auto& known : kUnits) {
      if (unit != known.name) continue;
      if (number > kLongest / known.milliseconds) return Error{in_quotes(text) + " is longer than a year"};
      return std::chrono::milliseconds(number * known.milliseconds);
    }
  }
  return Error{in_quotes(text) + " is no duration (try \"500ms\")"};
}

std::string format_duration(std::chrono::milliseconds duration) {
  for (const auto& unit : kUnits) {
    if (duration.count() != 0 && duration.count() % unit.milliseconds == 0) {
      return std::to_string(duration.count() / unit.milliseconds) + unit.name;
    }
  }
  return "0s";
}

}  // namespace anyprobe
