#include "probes/http_answer.hpp"

#include <algorithm>
#include <charconv>

#include "core/text.hpp"

namespace anyprobe {
namespace {

// "HTTP/1.1 200 OK", "HTTP/2 200 ": the code; nothing for any other line.
std::optional<std::uint16_t> status_of(std::string_view line) {
  if (!line.starts_with("HTTP/")) return std::nullopt;
  const auto blank = line.find(' ');
  if (blank == std::string_view::npos) return 0;
  const auto code = line.substr(blank + 1, 3);
  std::uint16_t status = 0;
  const auto read = std::from_chars(code.data(), code.data() + code.size(), status);
  return read.ec == std::errc{} && read.ptr == code.data() + 3 ? status : 0;
}

std::string_view first_word(std::string_view text) {
  return text.substr(0, text.find_first_of(" \t"));
}

// As in_quotes, and without what is no ASCII, which may be no text at all.
std::string legible(std::string_view text) {
  std::string out(text.substr(0, 80));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return in_quotes(out);
}

}  // namespace

HttpAnswer::HttpAnswer(const HttpExpectations& expected)
    : expected_(expected), seen_(expected.headers.size()), found_(expected.expect.empty()) {}

bool HttpAnswer::take_header(std::string_view line) {
  header_octets_ += line.size();
  if (header_octets_ > kHttpHeadersMost) return false;
  if (const auto status = status_of(line)) {
    status_ = *status;
    proxy_error_.clear();
    seen_.assign(seen_.size(), false);
    return true;
  }
  const auto field = parse_header_field(line);
  if (!field) return true;
  if (same_field_name(field->name, "X-Squid-Error")) proxy_error_ = first_word(field->value);
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    const auto& wanted = expected_.headers[i];
    if (same_field_name(field->name, wanted.name) && field->value.find(wanted.value) != std::string::npos) {
      seen_[i] = true;
    }
  }
  return true;
}

bool HttpAnswer::take_body(std::string_view piece) {
  // A body that need not be searched is read as well: a server that hangs in the middle of it does not work.
  piece = piece.substr(0, kHttpBodyMost - body_octets_);
  body_octets_ += piece.size();
  if (!found_) {
    tail_ += piece;
    found_ = tail_.find(expected_.expect) != std::string::npos;
    const auto keep = expected_.expect.size() - 1;
    if (tail_.size() > keep) tail_.erase(0, tail_.size() - keep);
  }
  return body_octets_ < kHttpBodyMost && (!found_ || expected_.expect.empty());
}

std::string HttpAnswer::so_far() const {
  if (status_ == 0) return {};
  auto out = std::to_string(status_);
  if (body_octets_ > 0) out += " and " + std::to_string(body_octets_) + " octets";
  return out;
}

bool HttpAnswer::accepted() const {
  return expected_.accept.contains(status_);
}

std::string HttpAnswer::without() const {
  if (!found_) return in_quotes(expected_.expect) + " in " + std::to_string(body_octets_) + " octets";
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (seen_[i]) continue;
    const auto& header = expected_.headers[i];
    return "the header " + in_quotes(header.value.empty() ? header.name : header.name + ": " + header.value);
  }
  return {};
}

Result HttpAnswer::judge() const {
  const auto failed = [](std::string_view reason, std::string detail) {
    return Result{Verdict::fail, Evidence::soft, reason, std::move(detail)};
  };
  if (header_octets_ > kHttpHeadersMost) {
    return failed(http_reason::kMalformed,
                  "header of more than " + std::to_string(kHttpHeadersMost) + " octets");
  }
  if (status_ == 0) return failed(http_reason::kMalformed, "no status code in the answer");
  const auto said = "said " + std::to_string(status_);
  if (expected_.from_origin && !proxy_error_.empty()) {
    return failed(http_reason::kProxyError, said + ", an error of the proxy's own: " + legible(proxy_error_));
  }
  if (!accepted()) return failed(http_reason::kStatus, said + ", not " + expected_.accept.to_string());
  if (const auto lacking = without(); !lacking.empty()) {
    return failed(http_reason::kWrongAnswer, said + " without " + lacking);
  }
  return {Verdict::pass, Evidence::soft, http_reason::kOk,
          said + (expected_.expect.empty() ? "" : " and " + in_quotes(expected_.expect))};
}

}  // namespace anyprobe
