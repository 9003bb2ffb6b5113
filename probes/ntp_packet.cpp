#include "probes/ntp_packet.hpp"

#include <algorithm>

namespace anyprobe {
namespace {

constexpr std::uint64_t kUnixEpoch = 2'208'988'800;  // 1970 in the seconds of 1900 (RFC 5905 figure 4)
constexpr std::uint64_t kNanoseconds = 1'000'000'000;
constexpr unsigned kVersion = 4;
constexpr unsigned kClient = 3;
constexpr unsigned kServer = 4;

std::uint64_t number(std::span<const std::uint8_t> octets) {
  std::uint64_t out = 0;
  for (const auto octet : octets) out = out << 8U | octet;
  return out;
}

// The short format: seconds, and 2^-16 of them.
std::chrono::nanoseconds short_time(std::span<const std::uint8_t> octets) {
  return std::chrono::nanoseconds(number(octets) * kNanoseconds >> 16U);
}

}  // namespace

NtpTime to_ntp_time(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
  const auto rest = std::chrono::nanoseconds(time.time_since_epoch()) - seconds;
  const auto whole = static_cast<std::uint64_t>(seconds.count()) + kUnixEpoch;
  return (whole << 32U) + (static_cast<std::uint64_t>(rest.count()) << 32U) / kNanoseconds;
}

std::chrono::nanoseconds ntp_difference(NtpTime later, NtpTime earlier) {
  const auto apart = static_cast<std::int64_t>(later - earlier);
  const auto fraction = static_cast<std::uint64_t>(apart) & 0xffff'ffffU;
  return std::chrono::seconds(apart >> 32) + std::chrono::nanoseconds(fraction * kNanoseconds >> 32U);
}

NtpRequest encode_ntp_request(NtpTime transmit) {
  NtpRequest out{};
  out[0] = kVersion << 3U | kClient;
  for (std::size_t i = 0; i < 8; ++i) out[40 + i] = static_cast<std::uint8_t>(transmit >> (56U - 8U * i));
  return out;
}

std::optional<NtpReply> parse_ntp_reply(std::span<const std::uint8_t> packet) {
  if (packet.size() < kNtpHeader) return std::nullopt;
  const unsigned version = packet[0] >> 3U & 7U;
  const unsigned mode = packet[0] & 7U;
  if (mode != kServer || version < 1 || version > kVersion) return std::nullopt;
  NtpReply out;
  out.leap = packet[0] >> 6U;
  out.stratum = packet[1];
  out.root_delay = short_time(packet.subspan(4, 4));
  out.root_dispersion = short_time(packet.subspan(8, 4));
  std::copy_n(packet.begin() + 12, out.reference_id.size(), out.reference_id.begin());
  out.origin = number(packet.subspan(24, 8));
  out.receive = number(packet.subspan(32, 8));
  out.transmit = number(packet.subspan(40, 8));
  return out;
}

}  // namespace anyprobe
