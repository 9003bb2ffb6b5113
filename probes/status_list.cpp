#include "probes/status_list.hpp"

#include <algorithm>
#include <optional>

#include "core/text.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kDigits = 3;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<int> read_code(std::string_view text) {
  if (text.size() != kDigits || !std::all_of(text.begin(), text.end(), is_digit) || text[0] == '0') {
    return std::nullopt;
  }
  return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

std::optional<StatusRange> read_range(std::string_view text) {
  const auto rest = text.substr(std::min<std::size_t>(text.size(), 1));
  if (rest == "xx" || rest == "XX") {
    if (!is_digit(text[0]) || text[0] == '0') return std::nullopt;
    const int first = (text[0] - '0') * 100;
    return StatusRange{first, first + 99};
  }
  const auto dash = text.find('-');
  const auto first = read_code(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : read_code(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  return StatusRange{*first, *last};
}

}  // namespace

Outcome<StatusRange> StatusRange::parse(std::string_view text) {
  const auto range = read_range(text);
  if (!range) return Error{in_quotes(text) + " is no status (try 200, 200-299 or 2xx)"};
  if (range->last < range->first) return Error{in_quotes(text) + " ends before it begins"};
  return *range;
}

Outcome<StatusList> StatusList::parse(std::span<const std::string> items) {
  StatusList out;
  for (const auto& item : items) {
    const auto range = StatusRange::parse(item);
    if (!range) return Error{range.error()};
    out.add(*range);
  }
  return out;
}

bool StatusList::contains(int status) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [status](const StatusRange& range) {
    return range.first <= status && status <= range.last;
  });
}

std::string StatusList::to_string() const {
  std::string out;
  for (const auto& range : ranges_) {
    if (!out.empty()) out += ", ";
    out += std::to_string(range.first);
    if (range.last != range.first) out += "-" + std::to_string(range.last);
  }
  return out;
}

StatusList read_statuses(Options& options, const char* name, int lowest, int highest) {
  StatusList out;
  const auto items = options.texts(name);
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto range = StatusRange::parse(items[i]);
    if (!range) {
      options.error(name, i, range.error());
    } else if (range->first < lowest || range->last > highest) {
      options.error(
          name, i,
          in_quotes(items[i]) + " is not from " + std::to_string(lowest) + " to " + std::to_string(highest));
    } else {
      out.add(*range);
    }
  }
  return out;
}

}  // namespace anyprobe
