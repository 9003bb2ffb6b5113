// What the program says: one line an event, to standard error, to syslog or, with its fields, to the journal.
// Secrets never come here.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace anyprobe {

enum class LogLevel : std::uint8_t { error, warning, info, debug };

inline constexpr const char* kLogLevels[] = {"error", "warning", "info", "debug"};
inline constexpr const char* kLogFormats[] = {"text", "json"};

struct LogOptions {
  LogLevel level = LogLevel::info;
  bool json = false;
  bool syslog = false;
  std::string program;  // the name lines begin with
};

// What a configuration says of the log; flags win over it.
struct LogSettings {
  std::optional<LogLevel> level;
  std::optional<bool> json;
};

// A field beside the message, for those who read by machine.
struct LogField {
  std::string_view key;
  std::string_view value;
};

void open_log(const LogOptions& options);
void change_log(LogLevel level, bool json);
std::optional<LogLevel> parse_log_level(std::string_view text);

// Whether anything comes of a line of that level, for those to whom it costs something to make one.
[[nodiscard]] bool logs(LogLevel level) noexcept;

// What is not printable in the message is escaped. A line that comes again and again is counted instead and
// told once a minute, but for those with a field "state", which tell of a change, and debug. Never throws,
// never blocks for long.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) noexcept;

// Until release_log(), lines wait, so that what hangs on none of them is done first: of thousands of services
// that fail at once, the withdrawal. No further than to the end of a pass of the loop; whoever holds
// releases.
void hold_log() noexcept;
void release_log() noexcept;

// Where finished lines go; one implementation is built (spdlog, or the C library alone).
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, const std::string& line) = 0;
};
std::unique_ptr<LogSink> make_log_sink(const LogOptions& options);

}  // namespace anyprobe
