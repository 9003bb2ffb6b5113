#include "probes/syslog_message.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace anyprobe {
namespace {

constexpr std::string_view kTokenStart = "anyprobe-";
constexpr std::string_view kHex = "0123456789abcdef";

std::string priority_of(const SyslogLine& line) {
  return "<" + std::to_string(line.priority) + ">";
}

}  // namespace

std::string encode_rfc3164(const SyslogLine& line) {
  // The names of months are English whatever the locale.
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> time{};
  std::snprintf(time.data(), time.size(), "%s %2d %02d:%02d:%02d ",
                kMonths[static_cast<std::size_t>(line.time.tm_mon) % kMonths.size()], line.time.tm_mday,
                line.time.tm_hour, line.time.tm_min, line.time.tm_sec);
  std::string out = priority_of(line) + time.data();
  if (!line.host.empty()) out += line.host + " ";
  out += line.tag;
  if (!line.process.empty()) out += "[" + line.process + "]";
  return out + ": " + line.text;
}

std::string encode_rfc5424(const SyslogLine& line) {
  const auto or_nil = [](const std::string& field) { return field.empty() ? "-" : field; };
  const auto& at = line.time;
  std::array<char, 96> time{};
  std::snprintf(time.data(), time.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%06u", at.tm_year + 1900,
                at.tm_mon + 1, at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec, line.microseconds);
  std::string out = priority_of(line) + "1 " + time.data();
  if (at.tm_gmtoff == 0) {
    out += "Z";
  } else {
    const long minutes = std::labs(at.tm_gmtoff) / 60;
    std::snprintf(time.data(), time.size(), "%c%02ld:%02ld", at.tm_gmtoff < 0 ? '-' : '+', minutes / 60,
                  minutes % 60);
    out += time.data();
  }
  // Neither message id nor structured data.
  return out + " " + or_nil(line.host) + " " + or_nil(line.tag) + " " + or_nil(line.process) + " - - " +
         line.text;
}

std::string framed_by_newline(std::string line) {
  line += '\n';
  return line;
}

std::string framed_by_count(const std::string& line) {
  return std::to_string(line.size()) + " " + line;
}

std::string make_syslog_token(std::span<const std::uint8_t, kSyslogTokenOctets> random) {
  std::string out(kTokenStart);
  for (const auto octet : random) out += {kHex[octet >> 4U], kHex[octet & 15U]};
  return out;
}

void SyslogTokens::take(std::string_view piece, const Found& found) {
  std::string joined;
  std::string_view text = piece;
  if (!kept_.empty()) {
    joined = std::move(kept_);
    joined += piece;
    text = joined;
  }
  for (auto at = text.find(kTokenStart); at != std::string_view::npos; at = text.find(kTokenStart, at + 1)) {
    const auto token = text.substr(at, kSyslogTokenLength);
    if (token.size() == kSyslogTokenLength &&
        token.find_first_not_of(kHex, kTokenStart.size()) == std::string_view::npos) {
      found(std::string(token));
    }
  }
  kept_ = std::string(text.substr(text.size() - std::min(text.size(), kSyslogTokenLength - 1)));
}

}  // namespace anyprobe
