// Whatever a name server sends, it is read and judged in bounds, and what is shown of it is printable.
#include <cstdlib>

#include "probes/dns_judge.hpp"

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

  const auto message = parse_dns_message(packet);
  if (message) {
    for (const auto& record : message->answers) demand(!record.data.empty() && printable(record.data));
  } else {
    demand(printable(message.error()));
  }

  for (const auto type : {dns_type::kA, dns_type::kTxt, dns_type::kAny}) {
    DnsExpectations expected;
    expected.type = type;
    expected.values = {{"192.0.2.0/24", *Prefix::parse("192.0.2.0/24")}, {"text", std::nullopt}};
    const auto result = judge_dns_reply(packet, expected);
    demand(!result.reason.empty() && printable(result.detail));
    demand(message.ok() || result.reason == dns_reason::kMalformed);
  }

  // A packet that has one question fits itself.
  if (size >= 12 && data[4] == 0 && data[5] == 1) demand(dns_fit(packet, packet) != DnsFit::other);
  return 0;
}
