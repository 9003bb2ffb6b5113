// Names and numbers of the DNS: record types, response codes, domain names. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/outcome.hpp"

namespace anyprobe {

// Numbers from the IANA registry "Domain Name System (DNS) Parameters".
namespace dns_type {
inline constexpr std::uint16_t kA = 1;
inline constexpr std::uint16_t kNs = 2;
inline constexpr std::uint16_t kCname = 5;
inline constexpr std::uint16_t kSoa = 6;
inline constexpr std::uint16_t kPtr = 12;
inline constexpr std::uint16_t kMx = 15;
inline constexpr std::uint16_t kTxt = 16;
inline constexpr std::uint16_t kAaaa = 28;
inline constexpr std::uint16_t kSrv = 33;
inline constexpr std::uint16_t kNaptr = 35;
inline constexpr std::uint16_t kDname = 39;
inline constexpr std::uint16_t kSpf = 99;
inline constexpr std::uint16_t kAny = 255;
inline constexpr std::uint16_t kCaa = 257;
}  // namespace dns_type

namespace dns_rcode {
inline constexpr std::uint16_t kNoError = 0;
inline constexpr std::uint16_t kServFail = 2;
inline constexpr std::uint16_t kNxDomain = 3;
inline constexpr std::uint16_t kRefused = 5;
}  // namespace dns_rcode

// "AAAA", "aaaa", "28" or "TYPE28" (RFC 3597 section 5); the error is one line fit for the user.
Outcome<std::uint16_t> parse_dns_type(std::string_view text);
std::string dns_type_name(std::uint16_t type);  // "TYPE1234" where it has no name

// "NXDOMAIN", "nxdomain" or "3"; 0 to 15, as the header alone can carry it.
Outcome<std::uint16_t> parse_dns_rcode(std::string_view text);
std::string dns_rcode_name(std::uint16_t rcode);  // "RCODE12" where it has no name

// A domain name as it goes on the wire (RFC 1035 section 3.1). "." is the root; the dot at the end may be
// left out; \. and \DDD escape (section 5.1). The error says what is wrong with the name.
Outcome<std::vector<std::uint8_t>> encode_dns_name(std::string_view text);

inline constexpr std::size_t kDnsLabelMax = 63;      // RFC 1035 section 2.3.4
inline constexpr std::size_t kDnsNameWireMax = 255;  // with its length octets, the root's too

}  // namespace anyprobe
