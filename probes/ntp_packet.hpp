// NTP packets as a client sends and reads them (RFC 5905 sections 6 and 7.3). Pure.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

namespace anyprobe {

// Seconds in the upper half, 2^-32 s in the lower. They begin again every 2^32 s (1900, 2036, ...), so that
// only differences mean something.
using NtpTime = std::uint64_t;

NtpTime to_ntp_time(std::chrono::system_clock::time_point time);
// later - earlier, right across the end of an era while they are less than 68 years apart.
std::chrono::nanoseconds ntp_difference(NtpTime later, NtpTime earlier);

inline constexpr std::size_t kNtpHeader = 48;
using NtpRequest = std::array<std::uint8_t, kNtpHeader>;

// A client's question. The transmit timestamp comes back as the reply's origin and need not be a time: drawn
// at random it proves that the reply belongs to this question, and tells nobody our clock. All else that the
// server has no use for is zero.
NtpRequest encode_ntp_request(NtpTime transmit);

struct NtpReply {
  unsigned leap = 0;     // 3: not synchronised
  unsigned stratum = 0;  // 0: a kiss-o'-death, or not synchronised
  std::chrono::nanoseconds root_delay{};
  std::chrono::nanoseconds root_dispersion{};
  std::array<std::uint8_t, 4> reference_id{};  // of stratum 0: the kiss code (section 7.4)
  NtpTime origin = 0;
  NtpTime receive = 0;
  NtpTime transmit = 0;
};

// Nothing where it is no server's reply of a version from 1 to 4. What follows the header is not looked at.
std::optional<NtpReply> parse_ntp_reply(std::span<const std::uint8_t> packet);

}  // namespace anyprobe
