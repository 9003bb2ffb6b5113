// SIP messages as a client sends and reads them (RFC 3261 sections 7, 18.3 and 20). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/address.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

// What every OPTIONS request of a probe says.
struct SipQuestion {
  std::string uri;     // whom it is for, "sip:example.org:5060"
  std::string domain;  // of To and From, without a port
  std::string user;    // of From and Contact
  SocketAddress server;
  bool tcp = false;
};

// What tells one transaction from all others. Whoever cannot guess them cannot answer.
struct SipTransaction {
  std::string branch;  // with the cookie that begins it (section 8.1.1.7)
  std::string call_id;
  std::string tag;  // of From
  std::uint32_t sequence = 1;
};

inline constexpr std::string_view kSipCookie = "z9hG4bK";

// `local`: where the request comes from; over TCP its port is no place to answer to and is left out. The
// route is the server itself, so that a proxy handles the request as one of its own.
std::string encode_sip_options(const SipQuestion& question, const SipTransaction& transaction,
                               const SocketAddress& local);

struct SipResponse {
  int status = 0;
  std::string reason;  // the phrase
  std::string branch;  // of the topmost Via; empty: it has none
  bool one_via = false;
  std::string call_id;
  std::string tag;  // of From; empty: it has none
  std::uint32_t sequence = 0;
  std::string method;  // of CSeq
};

// One whole message. Headers that are of no use here may be malformed (section 8.2.2, 16.3). The error is one
// line.
Outcome<SipResponse> parse_sip_response(std::string_view message);

// Section 17.1.3, and besides what a stranger's message would not have: Call-ID, tag and sequence number. A
// response has the one Via of its request (section 8.1.3.3).
bool answers(const SipResponse& response, const SipTransaction& transaction);

// Takes a stream apart into messages by their Content-Length; without one a message has no body.
class SipStream {
 public:
  enum class Next : std::uint8_t { incomplete, message, malformed };

  // `received`: all that ever came. `message` is the next one in it, valid as long as `received` is.
  Next next(std::string_view received, std::string_view& message);

 private:
  std::size_t begin_ = 0;     // of the message that is waited for
  std::size_t searched_ = 0;  // in which the end of its headers is not
  std::size_t size_ = 0;      // 0: not known yet
};

}  // namespace anyprobe
