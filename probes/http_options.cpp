#include "probes/http_options.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

#include "core/text.hpp"
#include "probes/curl_library.hpp"

namespace anyprobe {
namespace {

// 0, or the errno of what failed.
int read_file(const std::string& path, std::string& text) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) return errno;
  std::array<char, 16384> piece;
  while (const auto got = std::fread(piece.data(), 1, piece.size(), file.get()))
    text.append(piece.data(), got);
  return std::ferror(file.get()) != 0 ? errno : 0;
}

}  // namespace

bool lacks_curl(Options& options) {
  const auto& wrong = load_curl();
  if (!wrong.empty()) options.error("", "needs libcurl: " + wrong);
  return !wrong.empty();
}

std::vector<HttpUrl> read_urls(Options& options) {
  std::vector<HttpUrl> out;
  std::set<std::string> seen;
  const auto texts = options.texts("url");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    auto url = parse_http_url(texts[i]);
    if (!url) {
      options.error("url", i, url.error());
      continue;
    }
    if (!seen.insert(texts[i]).second) options.error("url", i, in_quotes(texts[i]) + " is here twice");
    out.push_back(std::move(url).value());
  }
  return out;
}

HttpExpectations read_expectations(Options& options) {
  HttpExpectations out;
  constexpr int kHighest = 599;  // RFC 9110, section 15
  out.accept = read_statuses(options, "accept", 100, kHighest);
  out.expect = options.text("expect");
  if (options.given("expect") && out.expect.empty()) options.error("expect", "is empty");
  if (options.given("expect") && options.text("method") != "GET") {
    options.error("expect", "has no body to look into with the method " + options.text("method"));
  }
  const auto headers = options.texts("expect_header");
  for (std::size_t i = 0; i < headers.size(); ++i) {
    auto field = parse_header_name(headers[i]);
    if (field) {
      out.headers.push_back(std::move(field).value());
    } else {
      options.error("expect_header", i, in_quotes(headers[i]) + " " + field.error());
    }
  }
  return out;
}

std::vector<std::string> read_headers(Options& options) {
  std::vector<std::string> out;
  const auto lines = options.texts("headers");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto field = parse_header_field(lines[i]);
    if (field) {
      out.push_back(field->name + ": " + field->value);
    } else {
      options.error("headers", i, field.error());
    }
  }
  return out;
}

bool has_header(const std::vector<std::string>& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [&](const std::string& line) {
    return same_field_name(std::string_view(line).substr(0, line.find(':')), name);
  });
}

std::string read_ca_file(Options& options) {
  auto path = options.text("ca_file");
  if (!options.given("ca_file")) return path;
  if (!path.starts_with('/')) {
    options.error("ca_file", in_quotes(path) + " is no absolute path");
    return path;
  }
  std::string text;
  if (const int error = read_file(path, text); error != 0) {
    options.error("ca_file", in_quotes(path) + " cannot be read: " + std::strerror(error));
  } else if (text.find("-----BEGIN CERTIFICATE-----") == std::string::npos &&
             text.find("-----BEGIN TRUSTED CERTIFICATE-----") == std::string::npos) {
    options.error("ca_file", in_quotes(path) + " has no certificate in it (PEM)");
  }
  return path;
}

}  // namespace anyprobe
