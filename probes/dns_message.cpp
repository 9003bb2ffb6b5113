#include "probes/dns_message.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "probes/dns_names.hpp"

namespace anyprobe {
namespace {

using Octets = std::span<const std::uint8_t>;

constexpr std::size_t kHeader = 12;
constexpr std::uint16_t kClassIn = 1;

// The labels with their length octets, the root's last.
struct WireName {
  std::array<std::uint8_t, kDnsNameWireMax> octets;
  std::size_t size = 0;

  operator Octets() const { return Octets(octets).first(size); }
};

// Reads forward. What does not fit sets failed() and reads as nothing.
class Cursor {
 public:
  Cursor(Octets packet, std::size_t at, std::size_t end) : packet_(packet), at_(at), end_(end) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return at_ == end_; }
  [[nodiscard]] std::size_t position() const { return at_; }
  [[nodiscard]] std::size_t left() const { return end_ - at_; }

  Octets take(std::size_t count) {
    if (failed_ || count > left()) {
      failed_ = true;
      return {};
    }
    const auto out = packet_.subspan(at_, count);
    at_ += count;
    return out;
  }

  std::uint32_t number(std::size_t octets) {
    std::uint32_t out = 0;
    for (const auto octet : take(octets)) out = out << 8U | octet;
    return out;
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }

  WireName name() {
    WireName out;
    follow_name([&](Octets label) {
      out.octets[out.size++] = static_cast<std::uint8_t>(label.size());
      std::copy(label.begin(), label.end(), out.octets.begin() + static_cast<std::ptrdiff_t>(out.size));
      out.size += label.size();
    });
    return out;
  }
  void skip_name() {
    follow_name([](Octets) {});
  }

 private:
  template <typename Label>
  void follow_name(Label&& label) {
    std::size_t at = at_;
    std::size_t started = at_;
    std::size_t limit = end_;  // a pointer leads before where it was started from, so that there is no circle
    std::size_t size = 0;
    bool jumped = false;
    while (!failed_ && at < limit) {
      const std::size_t length = packet_[at];
      if (length >= 0xc0) {
        if (at + 1 >= limit) break;
        const std::size_t target = (length & 0x3fU) << 8U | packet_[at + 1];
        if (target < kHeader) break;
        if (!jumped) at_ = at + 2;
        jumped = true;
        limit = started;
        at = started = target;
        continue;
      }
      if (length > kDnsLabelMax || length >= limit - at) break;
      size += length + 1;
      if (size > kDnsNameWireMax) break;
      label(packet_.subspan(at + 1, length));
      at += length + 1;
      if (length == 0) {
        if (!jumped) at_ = at;
        return;
      }
    }
    failed_ = true;
  }

  Octets packet_;
  std::size_t at_;
  std::size_t end_;
  bool failed_ = false;
};

void append_octet(std::string& out, std::uint8_t octet, std::string_view special) {
  const char c = static_cast<char>(octet);
  if (octet < 0x20 || octet > 0x7e) {
    const auto digit = [](unsigned n) { return static_cast<char>('0' + n % 10); };
    out += {'\\', digit(octet / 100U), digit(octet / 10U), digit(octet)};
    return;
  }
  if (special.find(c) != std::string_view::npos) out += '\\';
  out += c;
}

std::string name_text(Octets wire) {
  std::string out;
  for (std::size_t at = 0; at < wire.size() && wire[at] != 0; at += wire[at] + 1U) {
    for (const auto octet : wire.subspan(at + 1, wire[at])) append_octet(out, octet, " .;\\()@$\"");
    out += '.';
  }
  return out.empty() ? "." : out;
}

std::string quoted(Octets octets) {
  std::string out = "\"";
  for (const auto octet : octets) append_octet(out, octet, "\"\\");
  return out + "\"";
}

std::string unknown_type(Octets data) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\\# " + std::to_string(data.size());
  if (!data.empty()) out += ' ';
  for (const auto octet : data) out += {kHex[octet >> 4U], kHex[octet & 15U]};
  return out;
}

// The fields of a type's data: n name, 1 2 4 number of so many octets, s string, S strings to the end,
// t string without quotation marks, v the rest as one string, a IPv4, 6 IPv6 address.
std::string_view layout_of(std::uint16_t type) {
  switch (type) {
    case dns_type::kA:
      return "a";
    case dns_type::kAaaa:
      return "6";
    case dns_type::kNs:
    case dns_type::kCname:
    case dns_type::kPtr:
    case dns_type::kDname:
      return "n";
    case dns_type::kMx:
      return "2n";
    case dns_type::kSoa:
      return "nn44444";
    case dns_type::kTxt:
    case dns_type::kSpf:
      return "S";
    case dns_type::kSrv:
      return "222n";
    case dns_type::kNaptr:
      return "22sssn";
    case dns_type::kCaa:
      return "1tv";
    default:
      return {};
  }
}

std::string field_text(char kind, Cursor& data, DnsRecord& record) {
  switch (kind) {
    case 'n':
      return name_text(data.name());
    case 's':
      return quoted(data.take(data.number(1)));
    case 'S': {
      std::string out;
      do {
        const auto octets = data.take(data.number(1));
        out += (out.empty() ? "" : " ") + quoted(octets);
        record.text.append(octets.begin(), octets.end());
      } while (!data.failed() && !data.at_end());
      return out;
    }
    case 't': {
      std::string out;
      for (const auto octet : data.take(data.number(1))) append_octet(out, octet, " \"\\");
      return out;
    }
    case 'v':
      return quoted(data.take(data.left()));
    case 'a':
    case '6': {
      const auto family = kind == 'a' ? Family::ipv4 : Family::ipv6;
      const auto octets = data.take(kind == 'a' ? 4 : 16);
      if (data.failed()) return {};
      record.address = IpAddress::from_bytes(family, octets.data());
      return record.address->to_string();
    }
    default:
      return std::to_string(data.number(static_cast<std::size_t>(kind - '0')));
  }
}

// Whether the data fit the type.
bool read_data(Octets packet, std::size_t begin, std::size_t end, DnsRecord& record) {
  const auto layout = record.record_class == kClassIn ? layout_of(record.type) : std::string_view{};
  if (layout.empty()) {
    record.data = unknown_type(packet.subspan(begin, end - begin));
    return true;
  }
  Cursor data(packet, begin, end);
  for (const char kind : layout) {
    if (!record.data.empty()) record.data += ' ';
    record.data += field_text(kind, data, record);
    if (data.failed()) return false;
  }
  return data.at_end();
}

std::uint16_t u16_at(Octets packet, std::size_t at) {
  return static_cast<std::uint16_t>(packet[at] << 8U | packet[at + 1]);
}

// Reads a record; `keep` also its data. The error without its place, empty where there is none.
std::string read_record(Octets packet, Cursor& cursor, DnsRecord* keep) {
  cursor.skip_name();
  if (cursor.failed()) return "its name cannot be read";
  DnsRecord record;
  record.type = cursor.u16();
  record.record_class = cursor.u16();
  record.ttl = cursor.number(4);
  const std::size_t length = cursor.u16();
  const auto begin = cursor.position();
  cursor.take(length);
  if (cursor.failed()) return "it ends after the packet";
  if (keep == nullptr) return {};
  if (!read_data(packet, begin, begin + length, record)) {
    return "its data are no " + dns_type_name(record.type) + " record";
  }
  *keep = std::move(record);
  return {};
}

}  // namespace

Outcome<DnsMessage> parse_dns_message(Octets packet) {
  if (packet.size() < kHeader) {
    return Error{"a packet of " + std::to_string(packet.size()) + " octets has no whole header"};
  }
  DnsMessage message;
  message.id = u16_at(packet, 0);
  const unsigned flags = u16_at(packet, 2);
  message.response = (flags & 0x8000U) != 0;
  message.opcode = static_cast<std::uint8_t>(flags >> 11U & 15U);
  message.authoritative = (flags & 0x0400U) != 0;
  message.truncated = (flags & 0x0200U) != 0;
  message.recursion_available = (flags & 0x0080U) != 0;
  message.authenticated = (flags & 0x0020U) != 0;
  message.rcode = static_cast<std::uint16_t>(flags & 15U);

  Cursor cursor(packet, kHeader, packet.size());
  std::string wrong;
  for (unsigned i = 0; i < u16_at(packet, 4) && wrong.empty(); ++i) {
    cursor.skip_name();
    cursor.take(4);
    if (cursor.failed()) wrong = "question " + std::to_string(i + 1) + " cannot be read";
  }
  static constexpr std::array kSections = {"answer", "authority", "additional"};
  for (std::size_t section = 0; section < kSections.size(); ++section) {
    const unsigned count = u16_at(packet, 6 + 2 * section);
    for (unsigned i = 0; i < count && wrong.empty(); ++i) {
      DnsRecord record;
      const auto why = read_record(packet, cursor, section == 0 ? &record : nullptr);
      if (!why.empty()) {
        wrong = std::string(kSections[section]) + " record " + std::to_string(i + 1) + " of " +
                std::to_string(count) + ": " + why;
      } else if (section == 0) {
        message.answers.push_back(std::move(record));
      }
    }
  }
  // A truncated message may end anywhere (RFC 2181 section 9).
  if (!wrong.empty() && !message.truncated) return Error{wrong};
  return message;
}

DnsFit dns_fit(Octets query, Octets packet) {
  if (query.size() < kHeader || packet.size() < 2 || u16_at(query, 0) != u16_at(packet, 0)) {
    return DnsFit::other;
  }
  if (packet.size() < kHeader || u16_at(packet, 4) == 0) return DnsFit::bare;
  if (u16_at(packet, 4) != 1) return DnsFit::other;

  Cursor asked(query, kHeader, query.size());
  Cursor answered(packet, kHeader, packet.size());
  const auto asked_name = asked.name();
  const auto answered_name = answered.name();
  const auto asked_type = asked.number(4);
  const auto answered_type = answered.number(4);
  if (answered.failed()) return DnsFit::bare;
  if (asked_type != answered_type || asked_name.size != answered_name.size) return DnsFit::other;
  const auto lower = [](std::uint8_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : +c; };
  for (std::size_t i = 0; i < asked_name.size; ++i) {
    if (lower(asked_name.octets[i]) != lower(answered_name.octets[i])) return DnsFit::other;
  }
  return DnsFit::ours;
}

}  // namespace anyprobe
