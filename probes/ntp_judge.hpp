// What a time server's reply says of it. Pure.
#pragma once

#include <chrono>
#include <string_view>

#include "core/probe.hpp"
#include "probes/ntp_packet.hpp"

namespace anyprobe {

// The reasons of an ntp probe's results, beside those of failure.hpp.
namespace ntp_reason {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kUnsynchronised = "unsynchronised";
inline constexpr std::string_view kDenied = "denied";
inline constexpr std::string_view kRateLimited = "rate_limited";  // a local error: it is we who ask too often
inline constexpr std::string_view kKiss = "kiss";                 // another kiss-o'-death
inline constexpr std::string_view kStratum = "stratum";
inline constexpr std::string_view kDistance = "distance";
inline constexpr std::string_view kNoTime = "no_time";
inline constexpr std::string_view kOffset = "offset";
}  // namespace ntp_reason

struct NtpLimits {
  unsigned stratum = 15;
  std::chrono::milliseconds offset{1000};
  std::chrono::milliseconds distance{3000};
};

// When the question was sent and the reply received, by our own clock.
struct NtpRoundTrip {
  NtpTime sent = 0;
  NtpTime received = 0;
};

// ((T2 - T1) + (T3 - T4)) / 2 of RFC 5905 section 8; positive: the server's clock is ahead of ours.
std::chrono::nanoseconds ntp_offset(const NtpReply& reply, const NtpRoundTrip& trip);

// That the reply belongs to the question is for the caller to know. The detail lacks the server's name.
// Nobody can tell when on its way a question was answered: each of the server's two timestamps may be half of
// the round trip further away than the limit says.
Result judge_ntp_reply(const NtpReply& reply, const NtpRoundTrip& trip, const NtpLimits& limits);

}  // namespace anyprobe
