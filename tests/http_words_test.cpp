// What users write about HTTP.
#include <doctest/doctest.h>

#include "probes/http_words.hpp"

using namespace anyprobe;

TEST_CASE("URLs that can be asked for, with their host and port") {
  const auto is = [](const char* text, const std::string& server, bool tls) {
    CAPTURE(text);
    const auto url = parse_http_url(text);
    REQUIRE(url);
    CHECK(url->text == text);
    CHECK(url->server.to_string() == server);
    CHECK(url->tls == tls);
  };
  is("http://127.0.0.1/", "127.0.0.1:80", false);
  is("https://www.example.org", "www.example.org:443", true);
  is("http://www.example.org:8080/a?b=c#d", "www.example.org:8080", false);
  is("HTTPS://[2001:db8::1]:8443/", "[2001:db8::1]:8443", true);
  is("http://[::1]/", "[::1]:80", false);
  is("http://www.example.org/mail@example.org", "www.example.org:80", false);
}

TEST_CASE("URLs that cannot, and no password shown for it") {
  for (const std::string wrong :
       {"", "www.example.org", "/path", "ftp://www.example.org/", "http://", "http://:80/", "http://a b/",
        "http://www.example.org:0/", "http://www.example.org:65536/", "http://www.example.org/\r\nX: y",
        "http://-x.example.org/", "http://[fe80::1%25eth0]/", "file:///etc/passwd"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_http_url(wrong));
  }
  for (const std::string telling : {"http://me:geheim@www.example.org/", "http://geheim@www.example.org/",
                                    "me:geheim@www.example.org", "htp://me:geheim@ www"}) {
    CAPTURE(telling);
    const auto url = parse_http_url(telling);
    REQUIRE_FALSE(url);
    CHECK(url.error().find("geheim") == std::string::npos);
    CHECK(url.error().find("user name") != std::string::npos);
  }
}

TEST_CASE("header fields, and nothing of their values in an error") {
  const auto field = parse_header_field("Authorization:  Bearer geheim \r\n");
  REQUIRE(field);
  CHECK(field->name == "Authorization");
  CHECK(field->value == "Bearer geheim");
  CHECK(parse_header_field("X-A:b:c")->value == "b:c");
  for (const std::string wrong : {"", ":geheim", "geheim", "X Y: geheim", "X-A :geheim", "X-A:", "X-A: ",
                                  "X-A: geheim\r\nX-B: c", "X-A: geheim\x01", "X\x80: geheim"}) {
    CAPTURE(wrong);
    const auto none = parse_header_field(wrong);
    REQUIRE_FALSE(none);
    CHECK(none.error().find("geheim") == std::string::npos);
  }
  CHECK(parse_header_name("Via")->value.empty());
  CHECK(parse_header_name("Via: 1.1")->value == "1.1");
  CHECK_FALSE(parse_header_name("Via:"));
  CHECK(same_field_name("x-Squid-ERROR", "X-Squid-Error"));
  CHECK_FALSE(same_field_name("X-Squid", "X-Squid-Error"));
}
