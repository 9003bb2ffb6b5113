#include "core/web_address.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;

namespace {

std::string error_of(std::string_view text) {
  const auto parsed = WebAddress::parse(text);
  return parsed ? "" : parsed.error();
}

WebAddress at(std::string_view text) {
  return WebAddress::parse(text).value();
}

}  // namespace

TEST_CASE("the web server listens on loopback or at a path") {
  CHECK(at("127.0.0.1:9477").to_string() == "127.0.0.1:9477");
  CHECK(at("[::1]:9477").to_string() == "[::1]:9477");
  CHECK(at("127.1.2.3:80").to_string() == "127.1.2.3:80");
  CHECK(at("/run/anyprobe/metrics.sock").path == "/run/anyprobe/metrics.sock");

  CHECK(error_of("192.0.2.1:9477").find("no loopback address") != std::string::npos);
  CHECK(error_of("[2001:db8::1]:9477").find("no loopback address") != std::string::npos);
  CHECK(error_of("0.0.0.0:9477").find("no loopback address") != std::string::npos);
  for (const auto* text : {"", "9477", ":9477", "127.0.0.1", "::1", "127.0.0.1:0", "127.0.0.1:65536",
                           "localhost:80", "metrics.sock", "127.0.0.1:9477 "}) {
    CAPTURE(text);
    CHECK(error_of(text).find("is neither an address") != std::string::npos);
  }
  CHECK(error_of("/run/").find("no path") != std::string::npos);
  CHECK(error_of("/" + std::string(107, 'x')).find("too long") != std::string::npos);
  CHECK(error_of("/" + std::string(106, 'x')).empty());
}

TEST_CASE("a host is ours by its own names alone, whatever the port") {
  const auto here = at("127.0.0.53:9477");
  for (const auto* host : {"localhost", "LocalHost:9477", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:65535",
                           "127.0.0.53", "127.0.0.53:9477"}) {
    CAPTURE(host);
    CHECK(names_this_host(host, here));
  }
  for (const auto* host :
       {"", ":9477", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:9477", "127.0.0.2",
        "localhost:", "localhost:0", "localhost:65536", "localhost:9477x", "localhost:1:2", "[::1", "[::1]x",
        "[::2]", "::1", "127.0.0.1@evil.example", " localhost", "localhost "}) {
    CAPTURE(host);
    CHECK_FALSE(names_this_host(host, here));
  }
  CHECK_FALSE(names_this_host("127.0.0.53", at("[::1]:9477")));
  CHECK_FALSE(names_this_host("0.0.0.0", at("/run/metrics.sock")));
  CHECK(names_this_host("localhost", at("/run/metrics.sock")));
}

TEST_CASE("an origin is its own where it is the host that is asked") {
  CHECK(is_own_origin("http://localhost:9477", "localhost:9477"));
  CHECK(is_own_origin("HTTP://LOCALHOST", "localhost"));
  for (const auto* origin :
       {"", "null", "http://", "http://localhost", "http://localhost:9478", "https://localhost:9477",
        "http://evil.example", "localhost:9477", "http://localhost:9477/"}) {
    CAPTURE(origin);
    CHECK_FALSE(is_own_origin(origin, "localhost:9477"));
  }
  CHECK_FALSE(is_own_origin("http://", ""));
}
