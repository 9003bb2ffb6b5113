// What comes back for an HTTP request, piece by piece, and whether it is what was hoped for. Pure: whoever
// speaks HTTP hands over header lines and pieces of the body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/probe.hpp"
#include "probes/http_words.hpp"
#include "probes/status_list.hpp"

namespace anyprobe {

// The reasons of the results of http and http_proxy, beside those of failure.hpp.
namespace http_reason {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kStatus = "status";             // a code that is not accepted
inline constexpr std::string_view kWrongAnswer = "wrong_answer";  // without what is expected
inline constexpr std::string_view kMalformed = "malformed";       // no HTTP
inline constexpr std::string_view kTls = "tls";
inline constexpr std::string_view kProxyError = "proxy_error";  // the proxy's own words, not the origin's
}  // namespace http_reason

inline constexpr std::size_t kHttpBodyMost = 65536;
inline constexpr std::size_t kHttpHeadersMost = 65536;

struct HttpExpectations {
  StatusList accept{{200, 299}};
  std::string expect;                // what the body must contain; empty: nothing
  std::vector<HeaderField> headers;  // the answer must have each; an empty value is any
  bool from_origin = false;          // asked of a proxy: an error of its own never passes
};

class HttpAnswer {
 public:
  // They outlive the answer.
  explicit HttpAnswer(const HttpExpectations& expected);

  // A line of the header: the status line (which begins an answer anew, as after 100 Continue or the answer
  // to CONNECT), a field, or the empty line; with or without its line end. False: that is enough.
  bool take_header(std::string_view line);
  // The next piece of the body. False: that is enough.
  bool take_body(std::string_view piece);

  [[nodiscard]] std::uint16_t status() const { return status_; }  // 0: none yet
  // What came so far, for a log: "200", "200 and 512 octets"; empty: nothing.
  [[nodiscard]] std::string so_far() const;
  // Whether it passes, once there is no more to come or it is enough. The detail follows what was asked and
  // whom: "said 200".
  [[nodiscard]] Result judge() const;

 private:
  [[nodiscard]] bool accepted() const;
  [[nodiscard]] std::string without() const;

  const HttpExpectations& expected_;
  std::uint16_t status_ = 0;
  std::size_t header_octets_ = 0;
  std::string proxy_error_;  // the word of X-Squid-Error
  std::vector<bool> seen_;   // which of the expected headers
  std::size_t body_octets_ = 0;
  std::string tail_;  // the end of the body so far, in which what is expected may begin
  bool found_ = false;
};

}  // namespace anyprobe
