// What users write about HTTP: URLs, status codes, header fields. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/host.hpp"
#include "core/outcome.hpp"

namespace anyprobe {

// An http or https URL with the host and the port that it names.
struct HttpUrl {
  std::string text;  // as written
  std::string host;  // without brackets
  std::uint16_t port = 0;
  Host server;  // the same, as something to connect to
  bool tls = false;
};

// Refused are a user name and a password in it, which the logs would show.
Outcome<HttpUrl> parse_http_url(std::string_view text);

struct HeaderField {
  std::string name;
  std::string value;  // without the white space around it
};

// "Name: value" (RFC 9112, section 5). An error says nothing of the value, which may be a secret.
Outcome<HeaderField> parse_header_field(std::string_view line);
// The same, or "Name" alone.
Outcome<HeaderField> parse_header_name(std::string_view line);

// Names of fields know no case.
bool same_field_name(std::string_view a, std::string_view b);

}  // namespace anyprobe
