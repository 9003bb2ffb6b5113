#include "probes/dns_judge.hpp"

#include <algorithm>

#include "core/text.hpp"
#include "probes/failure.hpp"

namespace anyprobe {
namespace {

std::string_view rcode_reason(std::uint16_t rcode) {
  switch (rcode) {
    case dns_rcode::kServFail:
      return dns_reason::kServfail;
    case dns_rcode::kNxDomain:
      return dns_reason::kNxdomain;
    case dns_rcode::kRefused:
      return dns_reason::kQueryRefused;
    default:
      return dns_reason::kRcode;
  }
}

std::string_view without_last_dot(std::string_view text) {
  if (text.size() > 1 && text.ends_with('.')) text.remove_suffix(1);
  return text;
}

bool same_but_for_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

bool is_text_type(std::uint16_t type) {
  return type == dns_type::kTxt || type == dns_type::kSpf;
}

bool matches(const DnsRecord& record, const DnsExpectedValue& value) {
  if (record.address) return value.prefix && value.prefix->contains(*record.address);
  if (is_text_type(record.type)) return record.text == value.text || record.data == value.text;
  return same_but_for_case(without_last_dot(record.data), without_last_dot(value.text));
}

bool matches_any(const DnsRecord& record, const std::vector<DnsExpectedValue>& values) {
  return std::any_of(values.begin(), values.end(), [&](const auto& value) { return matches(record, value); });
}

// A list short enough for a line of a log.
template <typename Item, typename Text>
std::string some_of(const std::vector<Item>& items, Text&& text) {
  constexpr std::size_t kItems = 4;
  constexpr std::size_t kLength = 64;
  std::string out;
  for (std::size_t i = 0; i < items.size() && i < kItems; ++i) {
    const std::string& item = text(items[i]);
    if (i != 0) out += ", ";
    out += item.size() > kLength ? item.substr(0, kLength) + "..." : item;
  }
  return items.size() > kItems ? out + ", ..." : out;
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string wrong_answer(const DnsMessage& message, const DnsExpectations& expected) {
  return "none of " + some_of(expected.values, [](const auto& v) -> const std::string& { return v.text; }) +
         " among the answers (" +
         some_of(message.answers, [](const auto& r) -> const std::string& { return r.data; }) + ")";
}

}  // namespace

Result judge_dns_message(const DnsMessage& message, const DnsExpectations& expected, bool detail_of_pass) {
  if (!message.response)
    return soft_failure(dns_reason::kMalformed, "a query came back instead of a response");
  if (message.opcode != 0) {
    return soft_failure(dns_reason::kMalformed, "a response of opcode " + std::to_string(message.opcode));
  }
  const auto rcode = dns_rcode_name(message.rcode);
  if (message.rcode != expected.rcode) {
    const bool surprised = expected.rcode != dns_rcode::kNoError;
    return soft_failure(rcode_reason(message.rcode),
                        surprised ? rcode + " instead of " + dns_rcode_name(expected.rcode) : rcode);
  }
  if (message.truncated) return soft_failure(dns_reason::kTruncated, "the answer is truncated");
  if (expected.recursion && !message.recursion_available) {
    return soft_failure(dns_reason::kNoRecursion, rcode + ", but no recursion available (RA is clear)");
  }
  if (expected.authenticated && !message.authenticated) {
    return soft_failure(dns_reason::kNotAuthenticated, rcode + ", but not authenticated (AD is clear)");
  }

  const auto of_type = static_cast<std::size_t>(std::count_if(
      message.answers.begin(), message.answers.end(),
      [&](const DnsRecord& r) { return expected.type == dns_type::kAny || r.type == expected.type; }));
  if (of_type < expected.min_answers) {
    const auto answers = counted(of_type, dns_type_name(expected.type) + " record");
    return soft_failure(
        of_type == 0 ? dns_reason::kEmpty : dns_reason::kTooFew,
        rcode + " with " + answers + ", at least " + std::to_string(expected.min_answers) + " demanded");
  }
  if (!expected.values.empty() &&
      std::none_of(message.answers.begin(), message.answers.end(),
                   [&](const DnsRecord& r) { return matches_any(r, expected.values); })) {
    return soft_failure(dns_reason::kWrongAnswer, wrong_answer(message, expected));
  }
  if (!detail_of_pass) return {Verdict::pass, Evidence::soft, dns_reason::kOk, {}};
  return {Verdict::pass, Evidence::soft, dns_reason::kOk,
          rcode + ", " + counted(of_type, dns_type_name(expected.type) + " record")};
}

Result judge_dns_reply(std::span<const std::uint8_t> packet, const DnsExpectations& expected,
                       bool detail_of_pass) {
  const auto message = parse_dns_message(packet);
  if (!message) return soft_failure(dns_reason::kMalformed, message.error());
  return judge_dns_message(*message, expected, detail_of_pass);
}

}  // namespace anyprobe
