#include "probes/ntp_judge.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "core/text.hpp"
#include "probes/failure.hpp"

namespace anyprobe {
namespace {

using std::chrono::nanoseconds;

constexpr unsigned kLeapUnknown = 3;
constexpr unsigned kStratumUnsynchronised = 16;

std::string in_units(nanoseconds time, const char* format_ms, const char* format_s) {
  const double ms = std::chrono::duration<double, std::milli>(time).count();
  const bool short_time = ms < 1000 && ms > -1000;
  std::array<char, 48> out{};
  std::snprintf(out.data(), out.size(), short_time ? format_ms : format_s, short_time ? ms : ms / 1000);
  return out.data();
}

std::string shown(nanoseconds time) {
  return in_units(time, "%.3f ms", "%.3f s");
}

std::string shown_signed(nanoseconds time) {
  return in_units(time, "%+.3f ms", "%+.3f s");
}

// Without the zeros it is filled up with; empty where it is no text.
std::string kiss_code(const NtpReply& reply) {
  std::string out(reply.reference_id.begin(), reply.reference_id.end());
  out.erase(out.find_last_not_of('\0') + 1);
  const bool text = std::all_of(out.begin(), out.end(), [](char c) { return c > ' ' && c <= '~'; });
  return text ? out : "";
}

Result judge_stratum_0(const NtpReply& reply) {
  const auto code = kiss_code(reply);
  if (code == "RATE") {
    return {Verdict::local_error, Evidence::soft, ntp_reason::kRateLimited,
            "wants to be asked less often (RATE)"};
  }
  if (code == "DENY" || code == "RSTR")
    return soft_failure(ntp_reason::kDenied, "denies us its service (" + code + ")");
  if (code.empty()) {
    return soft_failure(ntp_reason::kUnsynchronised,
                        "is not synchronised (leap " + std::to_string(reply.leap) + ", stratum 0)");
  }
  if (code == "INIT" || code == "STEP") {
    return soft_failure(ntp_reason::kUnsynchronised, "is not synchronised yet (" + code + ")");
  }
  return soft_failure(ntp_reason::kKiss, "refuses by the code " + in_quotes(code));
}

// The further of the server's two timestamps from the middle of the round trip.
nanoseconds furthest(const NtpReply& reply, const NtpRoundTrip& trip, nanoseconds half) {
  const auto received = ntp_difference(reply.receive, trip.sent) - half;
  const auto transmitted = ntp_difference(reply.transmit, trip.sent) - half;
  return std::chrono::abs(received) > std::chrono::abs(transmitted) ? received : transmitted;
}

}  // namespace

nanoseconds ntp_offset(const NtpReply& reply, const NtpRoundTrip& trip) {
  return (ntp_difference(reply.receive, trip.sent) + ntp_difference(reply.transmit, trip.received)) / 2;
}

Result judge_ntp_reply(const NtpReply& reply, const NtpRoundTrip& trip, const NtpLimits& limits) {
  if (reply.stratum == 0) return judge_stratum_0(reply);
  const auto stratum = std::to_string(reply.stratum);
  if (reply.leap == kLeapUnknown || reply.stratum >= kStratumUnsynchronised) {
    return soft_failure(
        ntp_reason::kUnsynchronised,
        "is not synchronised (leap " + std::to_string(reply.leap) + ", stratum " + stratum + ")");
  }
  if (reply.stratum > limits.stratum) {
    return soft_failure(ntp_reason::kStratum,
                        "stratum " + stratum + " is above " + std::to_string(limits.stratum));
  }
  if (reply.receive == 0 || reply.transmit == 0) {
    return soft_failure(ntp_reason::kNoTime, std::string("gives no time of ") +
                                                 (reply.transmit == 0 ? "transmission" : "receipt"));
  }
  const auto distance = reply.root_delay / 2 + reply.root_dispersion;
  if (distance > limits.distance) {
    return soft_failure(ntp_reason::kDistance, "is up to " + shown(distance) + " from the true time, above " +
                                                   shown(limits.distance));
  }
  // A clock that was set back in the meantime leaves no round trip to allow for.
  const auto half = std::max(ntp_difference(trip.received, trip.sent), nanoseconds::zero()) / 2;
  const auto apart = furthest(reply, trip, half);
  if (std::chrono::abs(apart) > limits.offset + half) {
    return soft_failure(ntp_reason::kOffset, "its clock is " + shown(std::chrono::abs(apart)) +
                                                 (apart < nanoseconds::zero() ? " behind" : " ahead of") +
                                                 " ours, above " + shown(limits.offset));
  }
  return {Verdict::pass, Evidence::soft, ntp_reason::kOk,
          "stratum " + stratum + ", offset " + shown_signed(ntp_offset(reply, trip)) + ", root distance " +
              shown(distance)};
}

}  // namespace anyprobe
