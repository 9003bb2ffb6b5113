#include "log.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "log_journal.hpp"
#include "log_repeats.hpp"

namespace anyprobe {
namespace {

struct Log {
  LogOptions options;
  std::unique_ptr<LogSink> sink;
  bool journal = false;  // the sink takes journal_entry()
  LogRepeats repeats;
  bool held = false;
  std::vector<std::pair<LogLevel, std::string>> waiting;
};

Log& the_log() {
  static Log log;
  return log;
}

std::string printable(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      out += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 15U]};
    else
      out += c;
  }
  return out;
}

std::string as_json(const LogOptions& options, LogLevel level, std::string_view message,
                    std::span<const LogField> fields) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  nlohmann::ordered_json line;
  line["time"] =
      static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) / 1000;
  line["level"] = kLogLevels[static_cast<int>(level)];
  line["program"] = options.program;
  for (const auto& field : fields) line[std::string(field.key)] = std::string(field.value);
  line["message"] = std::string(message);
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void open_sink(Log& log) {
  log.sink = make_log_sink(log.options);
  log.journal = false;
  if (log.options.json || log.options.syslog || !is_journal(std::getenv("JOURNAL_STREAM"), STDERR_FILENO))
    return;
  auto journal = make_journal_sink(log.sink);
  log.journal = journal != nullptr;
  if (log.journal) log.sink = std::move(journal);
}

void put(Log& log, LogLevel level, std::string_view message, std::span<const LogField> fields) {
  auto line = log.options.json ? as_json(log.options, level, message, fields)
              : log.journal    ? journal_entry(level, log.options.program, printable(message), fields)
                               : printable(message);
  if (log.held)
    log.waiting.emplace_back(level, std::move(line));
  else
    log.sink->write(level, line);
}

void tell_repeats(Log& log) {
  for (const auto& line : log.repeats.due(Clock::now())) {
    std::vector<LogField> fields;
    for (const auto& [key, value] : line.fields) fields.push_back({key, value});
    put(log, line.level, line.text, fields);
  }
}

// What is done is said each time: a change, a reload, what is added and removed. What is wrong, not.
bool may_repeat(LogLevel level, std::span<const LogField> fields) {
  return level >= LogLevel::info ||
         std::any_of(fields.begin(), fields.end(), [](const auto& field) { return field.key == "state"; });
}

}  // namespace

void hold_log() noexcept {
  the_log().held = true;
}

// A full disk or no memory: a line is lost, the addresses are not.
void release_log() noexcept {
  auto& log = the_log();
  log.held = false;
  for (const auto& [level, line] : std::exchange(log.waiting, {})) {
    try {
      log.sink->write(level, line);
    } catch (...) {
      continue;
    }
  }
  try {
    if (log.sink != nullptr) tell_repeats(log);
  } catch (...) {
    return;
  }
}

void open_log(const LogOptions& options) {
  the_log().options = options;
  open_sink(the_log());
}

void change_log(LogLevel level, bool json) {
  auto& log = the_log();
  log.options.level = level;
  if (log.options.json == json) return;
  log.options.json = json;
  open_sink(log);
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  for (int i = 0; i < 4; ++i) {
    if (text == kLogLevels[i]) return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

bool logs(LogLevel level) noexcept {
  const auto& log = the_log();
  return log.sink != nullptr && level <= log.options.level;
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) noexcept {
  if (!logs(level)) return;
  auto& log = the_log();
  try {
    tell_repeats(log);
    if (may_repeat(level, fields) || log.repeats.pass(Clock::now(), level, message, fields))
      put(log, level, message, fields);
  } catch (...) {
    return;  // as in release_log()
  }
}

}  // namespace anyprobe
