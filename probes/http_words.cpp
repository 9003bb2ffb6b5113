#include "probes/http_words.hpp"

#include <algorithm>
#include <memory>

#include "core/text.hpp"
#include "probes/curl_library.hpp"

namespace anyprobe {
namespace {

using Url = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// Empty where the URL has no such part.
std::string part_of(const Url& url, CURLUPart part, unsigned flags = 0) {
  char* found = nullptr;
  if (curl().url_get(url.get(), part, &found, flags) != CURLUE_OK) return {};
  std::string out = found;
  curl().free(found);
  return out;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet < 0x20 && c != '\t') || octet == 0x7f;
  });
}

}  // namespace

Outcome<HttpUrl> parse_http_url(std::string_view text) {
  const std::string copy(text);
  const Url url(curl().url(), curl().url_cleanup);
  if (!url) return Error{"no memory for a URL"};
  // A password may stand anywhere before an @, even where the URL is none: nothing of it is shown then.
  if (text.find('@') != std::string_view::npos &&
      (curl().url_set(url.get(), CURLUPART_URL, copy.c_str(), 0) != CURLUE_OK ||
       !part_of(url, CURLUPART_USER).empty() || !part_of(url, CURLUPART_PASSWORD).empty())) {
    return Error{"has a user name in it, which the log would show (try \"headers\")"};
  }
  const auto code = curl().url_set(url.get(), CURLUPART_URL, copy.c_str(), 0);
  const auto scheme = part_of(url, CURLUPART_SCHEME);
  if (code != CURLUE_OK || (scheme != "http" && scheme != "https")) {
    return Error{in_quotes(text) + " is no URL of http or https (try http://127.0.0.1/)"};
  }
  HttpUrl out;
  out.text = copy;
  out.tls = scheme == "https";
  const auto host = part_of(url, CURLUPART_HOST);
  const auto port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  auto server = Host::parse(host + ":" + port, 0);
  if (!server || !part_of(url, CURLUPART_ZONEID).empty()) {
    return Error{in_quotes(text) + " names no host that can be asked (try http://www.example.org/)"};
  }
  out.server = std::move(server).value();
  out.port = out.server.port;
  out.host = out.server.address ? out.server.address->to_string() : out.server.name;
  return out;
}

Outcome<HeaderField> parse_header_field(std::string_view line) {
  const auto colon = line.find(':');
  const auto name = line.substr(0, colon);
  if (colon == std::string_view::npos || !is_token(name)) {
    return Error{"is no header field (try \"Name: value\")"};
  }
  const auto value = trimmed(line.substr(colon + 1));
  if (value.empty()) return Error{"has a header field without a value, " + in_quotes(name)};
  if (has_controls(value)) return Error{"has a control character in the value of " + in_quotes(name)};
  return HeaderField{std::string(name), std::string(value)};
}

Outcome<HeaderField> parse_header_name(std::string_view line) {
  if (is_token(line)) return HeaderField{std::string(line), {}};
  return parse_header_field(line);
}

bool same_field_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char left, char right) { return lower(left) == lower(right); });
}

}  // namespace anyprobe
