// What a daemon of FRR may answer, or whatever has taken its place. The first octet is the question.
#include <cstdint>
#include <string_view>

#include "routing/frr_questions.hpp"
#include "routing/link_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  if (size == 0) return 0;
  const std::string_view replies(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto ipv4 = Prefix::parse("192.0.2.1/32").value();
  const auto ipv6 = Prefix::parse("2001:db8:ffff:a000:fdc0::3b5/128").value();
  const std::set<Prefix> wanted{ipv4, ipv6};
  const auto question = static_cast<FrrQuestion>(data[0] % 3);
  const auto read = question == FrrQuestion::ospf_prefix  ? read_ospf_prefix(replies, wanted)
                    : question == FrrQuestion::ospf_state ? read_ospf_state(replies, wanted)
                                                          : read_ospf6_state(replies, wanted);
  if (!read) {
    if (read.error().empty()) __builtin_trap();
    return 0;
  }
  for (const auto& lsa : read->lsas) {
    if (!wanted.contains(lsa.prefix)) __builtin_trap();
  }
  for (const auto& prefix : wanted) {
    const auto finding = finding_of(prefix, read->lsas, *read);
    if (finding.others > read->lsas.size() || finding.others > read->reachable.size()) __builtin_trap();
  }
  return 0;
}
