// What is said again and again is counted instead. Pure: it takes the time as an argument.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "event_loop.hpp"
#include "log.hpp"

namespace anyprobe {

class LogRepeats {
 public:
  static constexpr unsigned kBurst = 5;                          // so often it is said
  static constexpr Duration kWindow = std::chrono::seconds(60);  // in this time

  struct Line {
    LogLevel level = LogLevel::info;
    std::string text;
    std::vector<std::pair<std::string, std::string>> fields;
  };

  // Whether this line is to be said.
  bool pass(TimePoint now, LogLevel level, std::string_view text, std::initializer_list<LogField> fields);
  // What was left out in windows that are over, to be said now.
  std::vector<Line> due(TimePoint now);

 private:
  struct Entry {
    Line line;
    TimePoint begun{};
    unsigned count = 0;
  };
  std::vector<Entry> entries_;
};

}  // namespace anyprobe
