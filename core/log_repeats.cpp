#include "log_repeats.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {
namespace {

// Of more different lines at a time, each is said.
constexpr std::size_t kMostLines = 64;

}  // namespace

bool LogRepeats::pass(TimePoint now, LogLevel level, std::string_view text,
                      std::initializer_list<LogField> fields) {
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.line.level == level && entry.line.text == text;
  });
  if (known != entries_.end()) return ++known->count <= kBurst;
  if (entries_.size() == kMostLines) return true;
  Entry entry{{level, std::string(text), {}}, now, 1};
  for (const auto& field : fields) entry.line.fields.emplace_back(field.key, field.value);
  entries_.push_back(std::move(entry));
  return true;
}

std::vector<LogRepeats::Line> LogRepeats::due(TimePoint now) {
  std::vector<Line> out;
  std::erase_if(entries_, [&](Entry& entry) {
    if (now - entry.begun < kWindow) return false;
    if (entry.count <= kBurst) return true;
    const auto seconds = std::chrono::round<std::chrono::seconds>(now - entry.begun);
    out.push_back(entry.line);
    out.back().text += " (" + std::to_string(entry.count - kBurst) + " times more in the last " +
                       std::to_string(seconds.count()) + " s)";
    // If it goes on, each minute has one line.
    entry.begun = now;
    entry.count = kBurst;
    return false;
  });
  return out;
}

}  // namespace anyprobe
