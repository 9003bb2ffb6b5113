// What a DNS reply must be to pass, and whether it is. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/probe.hpp"
#include "probes/dns_message.hpp"
#include "probes/dns_names.hpp"

namespace anyprobe {

// The reasons of a dns probe's results, beside those of failure.hpp.
namespace dns_reason {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kMalformed = "malformed";
inline constexpr std::string_view kServfail = "servfail";
inline constexpr std::string_view kNxdomain = "nxdomain";
inline constexpr std::string_view kQueryRefused = "query_refused";  // the server's REFUSED
inline constexpr std::string_view kRcode = "rcode";                 // any other that was not demanded
inline constexpr std::string_view kTruncated = "truncated";
inline constexpr std::string_view kNoRecursion = "no_recursion";
inline constexpr std::string_view kNotAuthenticated = "not_authenticated";
inline constexpr std::string_view kEmpty = "empty";
inline constexpr std::string_view kTooFew = "too_few_answers";
inline constexpr std::string_view kWrongAnswer = "wrong_answer";
}  // namespace dns_reason

struct DnsExpectedValue {
  std::string text;
  std::optional<Prefix> prefix;  // where the text is one
};

struct DnsExpectations {
  std::uint16_t type = dns_type::kA;
  std::uint16_t rcode = dns_rcode::kNoError;
  std::size_t min_answers = 1;  // records of the type, in the answer section
  bool recursion = false;       // RA
  bool authenticated = false;   // AD
  // Empty, or at least one record of the answer section (so a CNAME on the way too) is one of these: an
  // address within the prefix, or the same text but for case and for the dot at its end (TXT: but for the
  // quotation marks, case counts).
  std::vector<DnsExpectedValue> values;
};

// The detail does not name the server; without `detail_of_pass` a pass has none.
Result judge_dns_message(const DnsMessage& message, const DnsExpectations& expected,
                         bool detail_of_pass = true);
Result judge_dns_reply(std::span<const std::uint8_t> packet, const DnsExpectations& expected,
                       bool detail_of_pass = true);

}  // namespace anyprobe
