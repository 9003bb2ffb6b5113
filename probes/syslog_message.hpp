// Syslog lines: how they are written (RFC 3164 section 4, RFC 5424 section 6), how they stand in a stream
// (RFC 6587), and how one of ours is known again in whatever a relay made of it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace anyprobe {

// By their numbers, as RFC 5424 section 6.2.1 counts them.
inline constexpr const char* kSyslogFacilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7"};
inline constexpr const char* kSyslogSeverities[] = {"emerg",   "alert",  "crit", "err",
                                                    "warning", "notice", "info", "debug"};

struct SyslogLine {
  unsigned priority = 0;      // 8 x facility + severity
  std::tm time{};             // local, with tm_gmtoff
  unsigned microseconds = 0;  // of its second
  std::string host;           // empty: none
  std::string tag;
  std::string process;  // empty: none
  std::string text;
};

// "<135>Nov  1 08:05:09 127.0.0.1 syslog-probe: text"; without a host, as programs write to /dev/log.
std::string encode_rfc3164(const SyslogLine& line);
// "<135>1 2026-11-01T08:05:09.000123+01:00 127.0.0.1 syslog-probe - - - text"
std::string encode_rfc5424(const SyslogLine& line);

// RFC 6587 section 3.4: with a line feed behind it, or with its length before it.
std::string framed_by_newline(std::string line);
std::string framed_by_count(const std::string& line);

// A line of ours is known again by its token: "anyprobe-" and 32 hexadecimal digits, which relays leave as
// they are whatever they do to header and form.
inline constexpr std::size_t kSyslogTokenOctets = 16;
inline constexpr std::size_t kSyslogTokenLength = 9 + 2 * kSyslogTokenOctets;
std::string make_syslog_token(std::span<const std::uint8_t, kSyslogTokenOctets> random);

// The tokens in a stream that comes in pieces. Of how the lines are parted it need not know, and of what came
// it keeps less than one token.
class SyslogTokens {
 public:
  using Found = std::function<void(const std::string& token)>;

  void take(std::string_view piece, const Found& found);

 private:
  std::string kept_;
};

}  // namespace anyprobe
