// Whatever a time server sends, it is read and judged in bounds, and what is shown of it is printable.
#include <cstdlib>
#include <string_view>

#include "probes/ntp_judge.hpp"

using namespace anyprobe;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

bool printable(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span packet(data, size);
  const auto reply = parse_ntp_reply(packet);
  demand(!reply || size >= kNtpHeader);
  if (!reply) return 0;

  // Our own clock: in the packet, in the middle of an era and around its ends.
  for (const NtpTime sent : {reply->origin, reply->transmit, NtpTime{0}, ~NtpTime{0}, NtpTime{1} << 63U}) {
    for (const NtpTime took : {NtpTime{0}, NtpTime{1} << 30U, ~NtpTime{0}, NtpTime{1} << 63U}) {
      const NtpRoundTrip trip{sent, sent + took};
      const auto result = judge_ntp_reply(*reply, trip, {});
      demand(!result.reason.empty() && !result.detail.empty() && printable(result.detail));
      const bool usable =
          reply->leap != 3 && reply->stratum >= 1 && reply->stratum <= 15 && reply->transmit != 0;
      demand(usable || result.verdict != Verdict::pass);
      demand((result.verdict == Verdict::local_error) == (result.reason == ntp_reason::kRateLimited));
    }
  }
  return 0;
}
