#include "probes/sip_message.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "anyprobe_features.hpp"

namespace anyprobe {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

// RFC 3261 section 25.1.
bool is_token(char c) {
  return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("-.!%*_+`'~").find(c) != std::string_view::npos;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

template <typename T>
std::optional<T> whole_number(std::string_view text) {
  T out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

struct Header {
  std::string_view name;
  std::string value;  // unfolded
};

struct Head {
  std::string_view start_line;
  std::vector<Header> headers;
  std::size_t body = 0;  // where it begins
};

std::string_view full_name(std::string_view name) {
  // The compact forms of what is looked for (section 7.3.3).
  if (equal(name, "v")) return "Via";
  if (equal(name, "f")) return "From";
  if (equal(name, "i")) return "Call-ID";
  if (equal(name, "l")) return "Content-Length";
  return name;
}

// Nothing where it is no head of a message; lines that are no header are passed over.
std::optional<Head> parse_head(std::string_view message) {
  const auto end = message.find(kHeadEnd);
  if (end == std::string_view::npos) return std::nullopt;
  Head out;
  out.body = end + kHeadEnd.size();
  auto rest = message.substr(0, end + kLineEnd.size());
  bool first = true;
  bool continues = false;  // a line that begins with a space goes on where a header was
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find(kLineEnd));
    rest.remove_prefix(line.size() + kLineEnd.size());
    if (line.find_first_of("\r\n") != std::string_view::npos) return std::nullopt;
    if (first) {
      out.start_line = line;
      first = false;
    } else if (is_space(line.front())) {
      if (continues) (out.headers.back().value += ' ') += trimmed(line);
    } else {
      const auto colon = line.find(':');
      continues = colon != std::string_view::npos;
      if (!continues) continue;
      out.headers.push_back(
          {full_name(trimmed(line.substr(0, colon))), std::string(trimmed(line.substr(colon + 1)))});
    }
  }
  return out;
}

enum class Found : std::uint8_t { none, one, several };

struct Single {
  Found found = Found::none;
  std::string_view value;
};

// A header that there may be one of alone.
Single single(const Head& head, std::string_view name) {
  Single out;
  for (const auto& header : head.headers) {
    if (!equal(header.name, name)) continue;
    if (out.found != Found::none) return {Found::several, {}};
    out = {Found::one, header.value};
  }
  return out;
}

// Reads a header's value from its beginning.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() {
    skip_space();
    return rest_.empty();
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  bool literal(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view token() {
    skip_space();
    return take(
        static_cast<std::size_t>(std::find_if_not(rest_.begin(), rest_.end(), is_token) - rest_.begin()));
  }

  // Up to the first of these, or the end.
  std::string_view until(std::string_view any) {
    return take(std::min(rest_.find_first_of(any), rest_.size()));
  }

  // What stands in quotation marks, with them; nothing where they do not end.
  std::optional<std::string_view> quoted() {
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        return take(i + 1);
      }
    }
    return std::nullopt;
  }

 private:
  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  std::string_view take(std::size_t count) {
    const auto out = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return out;
  }

  std::string_view rest_;
};

// ;name, ;name=value, ... as far as they go. The value of the parameter `name`, empty where there is none;
// nothing where they are malformed or have it twice.
std::optional<std::string_view> parameter(Cursor& at, std::string_view name) {
  std::string_view out;
  bool found = false;
  while (at.literal(';')) {
    const auto key = at.token();
    if (key.empty()) return std::nullopt;
    std::string_view value;
    if (at.literal('=')) {
      if (at.at_end()) return std::nullopt;
      const auto text = at.rest().front() == '"' ? at.quoted() : at.until(";, \t");
      if (!text || text->empty()) return std::nullopt;
      value = *text;
    }
    if (!equal(key, name)) continue;
    if (found) return std::nullopt;
    found = true;
    out = value;
  }
  return out;
}

// The branch of the first of its values; `alone`: there is no second one.
std::optional<std::string_view> via_branch(std::string_view value, bool& alone) {
  Cursor at(value);
  if (!equal(at.token(), "SIP") || !at.literal('/') || at.token() != "2.0" || !at.literal('/'))
    return std::nullopt;
  if (at.token().empty() || at.at_end()) return std::nullopt;
  if (trimmed(at.until(";,")).empty()) return std::nullopt;
  const auto out = parameter(at, "branch");
  alone = at.at_end();
  if (!alone && !at.literal(',')) return std::nullopt;
  return out;
}

// Section 20.10: without <> around the address, all parameters are the header's.
std::optional<std::string_view> address_tag(std::string_view value) {
  Cursor at(value);
  for (;;) {
    at.until("\"<;");
    if (at.at_end()) return "";
    const char c = at.rest().front();
    if (c == ';') break;
    if (c == '"') {
      if (!at.quoted()) return std::nullopt;
      continue;
    }
    at.until(">");
    if (!at.literal('>')) return std::nullopt;
    break;
  }
  const auto out = parameter(at, "tag");
  return at.at_end() ? out : std::nullopt;
}

bool read_status_line(std::string_view line, SipResponse& out) {
  constexpr std::string_view kVersion = "SIP/2.0 ";
  constexpr std::size_t kDigits = 3;
  if (!equal(line.substr(0, kVersion.size()), kVersion)) return false;
  line.remove_prefix(kVersion.size());
  const auto status = whole_number<std::uint16_t>(line.substr(0, kDigits));
  if (!status || *status < 100 || *status > 699) return false;
  line.remove_prefix(kDigits);
  if (!line.empty() && line.front() != ' ') return false;
  out.status = *status;
  out.reason = trimmed(line);
  return true;
}

bool read_sequence(std::string_view value, SipResponse& out) {
  Cursor at(value);
  const auto number = whole_number<std::uint32_t>(at.token());
  out.method = at.token();
  if (!number || out.method.empty() || !at.at_end()) return false;
  out.sequence = *number;
  return true;
}

bool read_vias(const Head& head, SipResponse& out) {
  bool first = true;
  for (const auto& header : head.headers) {
    if (!equal(header.name, "Via")) continue;
    if (!first) {
      out.one_via = false;
      return true;
    }
    first = false;
    const auto branch = via_branch(header.value, out.one_via);
    if (!branch) return false;
    out.branch = *branch;
  }
  return !first;
}

enum class Length : std::uint8_t { absent, known, bad };

Length content_length(const Head& head, std::size_t& out) {
  const auto header = single(head, "Content-Length");
  if (header.found == Found::none) return Length::absent;
  const auto length = whole_number<std::uint32_t>(header.value);
  if (!length) return Length::bad;
  out = *length;
  return Length::known;
}

std::string host_of(const IpAddress& ip) {
  return ip.family() == Family::ipv6 ? "[" + ip.to_string() + "]" : ip.to_string();
}

}  // namespace

std::string encode_sip_options(const SipQuestion& question, const SipTransaction& transaction,
                               const SocketAddress& local) {
  const auto own = question.tcp ? host_of(local.ip) : local.to_string();
  const std::string transport = question.tcp ? ";transport=tcp" : "";
  std::string out = "OPTIONS " + question.uri + " SIP/2.0\r\n";
  const auto add = [&out](const char* name, const std::string& value) {
    ((out += name) += ": ") += value + "\r\n";
  };
  add("Via", std::string(question.tcp ? "SIP/2.0/TCP " : "SIP/2.0/UDP ") + own +
                 ";branch=" + transaction.branch + ";rport");
  add("Max-Forwards", "70");
  add("Route", "<sip:" + question.server.to_string() + transport + ";lr>");
  add("From", "<sip:" + question.user + "@" + question.domain + ">;tag=" + transaction.tag);
  add("To", "<sip:" + question.domain + ">");
  add("Call-ID", transaction.call_id);
  add("CSeq", std::to_string(transaction.sequence) + " OPTIONS");
  add("Contact", "<sip:" + question.user + "@" + own + transport + ">");
  add("Accept", "application/sdp");
  add("User-Agent", "anyprobe/" ANYPROBE_VERSION);
  add("Content-Length", "0");
  return out + "\r\n";
}

Outcome<SipResponse> parse_sip_response(std::string_view message) {
  // Section 7.5: line ends before the start are no part of it.
  while (message.starts_with(kLineEnd)) message.remove_prefix(kLineEnd.size());
  const auto head = parse_head(message);
  if (!head) return Error{"no head of a message"};
  SipResponse out;
  if (!read_status_line(head->start_line, out)) return Error{"no status line"};
  if (!read_vias(*head, out)) return Error{"no Via, or a malformed one"};
  const auto call_id = single(*head, "Call-ID");
  if (call_id.value.empty()) return Error{"not one Call-ID"};
  out.call_id = call_id.value;
  const auto from = single(*head, "From");
  const auto tag = address_tag(from.value);
  if (from.found != Found::one || !tag) return Error{"not one From, or a malformed one"};
  out.tag = *tag;
  const auto sequence = single(*head, "CSeq");
  if (sequence.found != Found::one || !read_sequence(sequence.value, out)) {
    return Error{"not one CSeq, or a malformed one"};
  }
  std::size_t length = 0;
  const auto known = content_length(*head, length);
  if (known == Length::bad) return Error{"a malformed Content-Length"};
  if (known == Length::known && length > message.size() - head->body) return Error{"cut short"};
  return out;
}

bool answers(const SipResponse& response, const SipTransaction& transaction) {
  return response.one_via && response.branch == transaction.branch &&
         response.call_id == transaction.call_id && response.tag == transaction.tag &&
         response.sequence == transaction.sequence && response.method == "OPTIONS";
}

SipStream::Next SipStream::next(std::string_view received, std::string_view& message) {
  if (size_ == 0) {
    while (received.substr(begin_).starts_with(kLineEnd)) begin_ += kLineEnd.size();
    const auto end = received.find(kHeadEnd, std::max(begin_, searched_));
    if (end == std::string_view::npos) {
      searched_ = received.size() - std::min(received.size(), kHeadEnd.size() - 1);
      return Next::incomplete;
    }
    const auto head = parse_head(received.substr(begin_));
    std::size_t length = 0;
    if (!head || content_length(*head, length) == Length::bad) return Next::malformed;
    size_ = head->body + length;
  }
  if (received.size() - begin_ < size_) return Next::incomplete;
  message = received.substr(begin_, size_);
  begin_ += size_;
  size_ = 0;
  return Next::message;
}

}  // namespace anyprobe
