// A DNS reply (RFC 1035 section 4) read from octets that nobody vouches for. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

struct DnsRecord {
  std::uint16_t type = 0;
  std::uint16_t record_class = 0;
  std::uint32_t ttl = 0;  // seconds
  // As zone files have it, names with the dot at their end; RFC 3597's \# form for types not known here.
  std::string data;
  std::string text;                  // of TXT and SPF: the strings joined, without quotation marks
  std::optional<IpAddress> address;  // of A and AAAA
};

struct DnsMessage {
  std::uint16_t id = 0;
  std::uint8_t opcode = 0;
  std::uint16_t rcode = 0;  // of the header; no EDNS is asked for, so there is no more of it
  bool response = false;    // QR
  bool authoritative = false;
  bool truncated = false;  // the records are then those that came whole
  bool recursion_available = false;
  bool authenticated = false;
  std::vector<DnsRecord> answers;  // of the answer section only
};

// Every section is walked, so that counts that lie are found. The error says where it went wrong.
Outcome<DnsMessage> parse_dns_message(std::span<const std::uint8_t> packet);

// How a packet relates to a query of one question.
enum class DnsFit : std::uint8_t {
  ours,   // its id and its question
  bare,   // its id, but no question that can be read
  other,  // neither: to be read past
};
DnsFit dns_fit(std::span<const std::uint8_t> query, std::span<const std::uint8_t> packet);

}  // namespace anyprobe
