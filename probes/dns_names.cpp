#include "probes/dns_names.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "core/text.hpp"

namespace anyprobe {
namespace {

struct Named {
  std::uint16_t number;
  std::string_view name;
};

constexpr std::array kTypes = {
    Named{dns_type::kA, "A"},
    Named{dns_type::kNs, "NS"},
    Named{dns_type::kCname, "CNAME"},
    Named{dns_type::kSoa, "SOA"},
    Named{dns_type::kPtr, "PTR"},
    Named{13, "HINFO"},
    Named{dns_type::kMx, "MX"},
    Named{dns_type::kTxt, "TXT"},
    Named{17, "RP"},
    Named{18, "AFSDB"},
    Named{dns_type::kAaaa, "AAAA"},
    Named{29, "LOC"},
    Named{dns_type::kSrv, "SRV"},
    Named{dns_type::kNaptr, "NAPTR"},
    Named{dns_type::kDname, "DNAME"},
    Named{43, "DS"},
    Named{44, "SSHFP"},
    Named{46, "RRSIG"},
    Named{47, "NSEC"},
    Named{48, "DNSKEY"},
    Named{50, "NSEC3"},
    Named{51, "NSEC3PARAM"},
    Named{52, "TLSA"},
    Named{53, "SMIMEA"},
    Named{59, "CDS"},
    Named{60, "CDNSKEY"},
    Named{61, "OPENPGPKEY"},
    Named{62, "CSYNC"},
    Named{63, "ZONEMD"},
    Named{64, "SVCB"},
    Named{65, "HTTPS"},
    Named{dns_type::kSpf, "SPF"},
    Named{dns_type::kAny, "ANY"},
    Named{256, "URI"},
    Named{dns_type::kCaa, "CAA"},
};

constexpr std::array kRcodes = {
    Named{dns_rcode::kNoError, "NOERROR"},
    Named{1, "FORMERR"},
    Named{dns_rcode::kServFail, "SERVFAIL"},
    Named{dns_rcode::kNxDomain, "NXDOMAIN"},
    Named{4, "NOTIMP"},
    Named{dns_rcode::kRefused, "REFUSED"},
    Named{6, "YXDOMAIN"},
    Named{7, "YXRRSET"},
    Named{8, "NXRRSET"},
    Named{9, "NOTAUTH"},
    Named{10, "NOTZONE"},
};

constexpr std::uint16_t kRcodeMax = 15;

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool same_word(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (upper(text[i]) != word[i]) return false;
  }
  return true;
}

std::optional<std::uint16_t> number_of(std::span<const Named> table, std::string_view text) {
  for (const auto& entry : table) {
    if (same_word(text, entry.name)) return entry.number;
  }
  return std::nullopt;
}

std::string name_of(std::span<const Named> table, std::uint16_t number, const char* otherwise) {
  for (const auto& entry : table) {
    if (entry.number == number) return std::string(entry.name);
  }
  return otherwise + std::to_string(number);
}

std::optional<std::uint16_t> parse_number(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What an escape at the front of `rest` stands for, which it is then cut from. Empty: it is none.
std::optional<std::uint8_t> take_escape(std::string_view& rest) {
  if (rest.size() < 2) return std::nullopt;
  if (!is_digit(rest[1])) {
    const auto octet = static_cast<std::uint8_t>(rest[1]);
    rest.remove_prefix(2);
    return octet;
  }
  if (rest.size() < 4 || !is_digit(rest[2]) || !is_digit(rest[3])) return std::nullopt;
  const int number = (rest[1] - '0') * 100 + (rest[2] - '0') * 10 + (rest[3] - '0');
  if (number > 255) return std::nullopt;
  rest.remove_prefix(4);
  return static_cast<std::uint8_t>(number);
}

}  // namespace

Outcome<std::uint16_t> parse_dns_type(std::string_view text) {
  if (const auto known = number_of(kTypes, text)) return *known;
  const bool prefixed = text.size() > 4 && same_word(text.substr(0, 4), "TYPE");
  const auto number = parse_number(prefixed ? text.substr(4) : text);
  if (number && *number != 0) return *number;
  return Error{in_quotes(text) + " is no record type (try A, AAAA, SOA, NS)"};
}

std::string dns_type_name(std::uint16_t type) {
  return name_of(kTypes, type, "TYPE");
}

Outcome<std::uint16_t> parse_dns_rcode(std::string_view text) {
  if (const auto known = number_of(kRcodes, text)) return *known;
  const auto number = parse_number(text);
  if (number && *number <= kRcodeMax) return *number;
  return Error{in_quotes(text) + " is no response code (try NOERROR, NXDOMAIN, or a number from 0 to 15)"};
}

std::string dns_rcode_name(std::uint16_t rcode) {
  return name_of(kRcodes, rcode, "RCODE");
}

Outcome<std::vector<std::uint8_t>> encode_dns_name(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return Error{in_quotes(text) + " is no query name: " + why};
  };
  if (text.empty()) return wrong("it is empty (the root is \".\")");
  if (text == ".") return std::vector<std::uint8_t>{0};

  std::vector<std::uint8_t> wire;
  wire.reserve(text.size() + 2);
  std::size_t length_at = 0;  // of the label being read
  std::size_t label = 0;
  wire.push_back(0);
  const auto end_label = [&] { wire[length_at] = static_cast<std::uint8_t>(label); };

  std::size_t longest = 0;
  for (auto rest = text; !rest.empty();) {
    const char c = rest.front();
    if (c == '.') {
      if (label == 0) return wrong("it has an empty label");
      end_label();
      rest.remove_prefix(1);
      length_at = wire.size();
      label = 0;
      wire.push_back(0);
      continue;
    }
    if (c == '\\') {
      const auto octet = take_escape(rest);
      if (!octet) return wrong("a backslash starts neither \\. nor \\DDD");
      wire.push_back(*octet);
    } else {
      if (static_cast<unsigned char>(c) > 0x7f) return wrong("it is not in ASCII (try its xn-- form)");
      if (c <= 0x20 || c == 0x7f) return wrong("it has a space or a control character");
      wire.push_back(static_cast<std::uint8_t>(c));
      rest.remove_prefix(1);
    }
    ++label;
    longest = label > longest ? label : longest;
  }
  if (longest > kDnsLabelMax) {
    return wrong("it has a label of " + std::to_string(longest) + " octets, 63 is the most");
  }
  end_label();
  if (label != 0) wire.push_back(0);  // else the dot at the end stands for the root already
  if (wire.size() > kDnsNameWireMax) {
    return wrong("it is " + std::to_string(wire.size() - 2) + " octets long, 253 is the most");
  }
  return wire;
}

}  // namespace anyprobe
