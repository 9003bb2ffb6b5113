#include "probes/socks_question.hpp"

#include <algorithm>

#include "probes/dns_message.hpp"

namespace anyprobe {

SocksQuestion::SocksQuestion(SocksQuestionKind kind, std::span<const std::uint8_t, kRandom> random)
    : kind_(kind) {
  if (kind == SocksQuestionKind::dns) {
    // RFC 1035 section 4.1: recursion desired, one question: the root, SOA, IN.
    octets_ = {random[0], random[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1};
    return;
  }
  constexpr char kHex[] = "0123456789abcdef";
  constexpr std::string_view kBefore = "anyprobe ";
  octets_.assign(kBefore.begin(), kBefore.end());
  for (const auto octet : random) {
    octets_.push_back(static_cast<std::uint8_t>(kHex[octet >> 4U]));
    octets_.push_back(static_cast<std::uint8_t>(kHex[octet & 15U]));
  }
}

bool SocksQuestion::answered_by(std::span<const std::uint8_t> payload) const {
  if (kind_ == SocksQuestionKind::echo) return std::ranges::equal(payload, octets_);
  if (dns_fit(octets_, payload) == DnsFit::other) return false;
  const auto message = parse_dns_message(payload);
  return message && message->response;
}

std::string_view SocksQuestion::name() const {
  return kind_ == SocksQuestionKind::dns ? "dns" : "echo";
}

}  // namespace anyprobe
