// The options that http and http_proxy have alike. Each says what is wrong by options.error().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/options.hpp"
#include "probes/http_answer.hpp"
#include "probes/source_options.hpp"

namespace anyprobe {

inline constexpr OptionSpec kAcceptOption{.name = "accept",
                                          .list = true,
                                          .default_value = "200-299",
                                          .placeholder = "CODE[-CODE]",
                                          .help = "which status codes are good"};
inline constexpr OptionSpec kExpectOption{.name = "expect",
                                          .help = "text that must occur in the first 64 KiB of the body"};
inline constexpr OptionSpec kExpectHeaderOption{
    .name = "expect_header",
    .list = true,
    .placeholder = "NAME[:TEXT]",
    .help = "a header that the answer must have, and text that must occur in its value"};
inline constexpr OptionSpec kCaFileOption{
    .name = "ca_file",
    .placeholder = "PATH",
    .help = "the certificates (PEM) to trust instead of the system's; read by the unprivileged prober"};

// Whether libcurl cannot be had, which is an error then. Throws StartAnew.
bool lacks_curl(Options& options);
std::vector<HttpUrl> read_urls(Options& options);
// accept, expect and expect_header.
HttpExpectations read_expectations(Options& options);
// The option headers, as "Name: value".
std::vector<std::string> read_headers(Options& options);
bool has_header(const std::vector<std::string>& headers, std::string_view name);
// An absolute path of a file that has a certificate in it; empty: none.
std::string read_ca_file(Options& options);

}  // namespace anyprobe
