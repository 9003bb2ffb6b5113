#include "probes/http_probe.hpp"

#include <array>
#include <utility>

#include "probes/http_attempt.hpp"
#include "probes/http_options.hpp"
#include "probes/named_probe.hpp"
#include "probes/planned_http_probe.hpp"
#include "probes/source_options.hpp"

namespace anyprobe {
namespace {

constexpr std::array kMethods = {"GET", "HEAD"};

constexpr std::array kHttpOptions = {
    OptionSpec{
        .name = "url",
        .list = true,
        .placeholder = "URL",
        .help = "what to ask for, http or https; of several, all are asked for at once and all must pass",
        .required = true},
    OptionSpec{.name = "server",
               .kind = OptionKind::host,
               .help =
                   "whom to connect to instead of the URL's host, such as 127.0.0.1; the question and its "
                   "certificate stay those of the URL"},
    OptionSpec{.name = "method",
               .kind = OptionKind::choice,
               .default_value = "GET",
               .help = "how to ask",
               .choices = kMethods},
    kAcceptOption,
    kExpectOption,
    kExpectHeaderOption,
    OptionSpec{.name = "headers",
               .kind = OptionKind::secret,
               .list = true,
               .placeholder = "NAME:VALUE",
               .help = "a header to send with the question"},
    kCaFileOption,
    kSourceOption,
    kDeviceOption,
};

// One host a URL: where a server is given, that, on the URL's port unless it has one itself.
std::vector<Host> read_servers(Options& options, const std::vector<HttpUrl>& urls) {
  std::vector<Host> out;
  for (const auto& url : urls) {
    out.push_back(options.has("server") ? options.hosts("server", url.port).front() : url.server);
  }
  return out;
}

std::unique_ptr<Probe> create_http(EventLoop& loop, Options& options) {
  if (lacks_curl(options)) return nullptr;
  HttpPlan plan;
  plan.expected = read_expectations(options);
  CurlRequest request;
  request.method = options.text("method") == "HEAD" ? HttpMethod::head : HttpMethod::get;
  request.headers = read_headers(options);
  request.ca_file = read_ca_file(options);
  const auto urls = read_urls(options);
  const auto hosts = read_servers(options, urls);
  request.target.source = read_source(options, hosts);
  request.target.device = read_device(options);
  if (options.failed()) return nullptr;
  const auto make = [&loop, plan, request, urls](const ResolvedHosts& resolved) {
    auto made = plan;
    const auto servers = addresses_of(resolved);
    for (std::size_t i = 0; i < urls.size(); ++i) {
      auto one = request;
      one.url = urls[i].text;
      one.target.server = servers[i];
      made.questions.push_back({std::move(one), urls[i].text + " from " + servers[i].to_string()});
    }
    return std::make_unique<PlannedHttpProbe>(loop, std::move(made));
  };
  const auto& source = request.target.source;
  return make_named_probe(loop, all_needed(hosts), source ? std::optional(source->family()) : std::nullopt,
                          make);
}

constexpr UsualPlace kHttpPlaces[] = {
    {.port = 80,
     .name = "http",
     .tcp = true,
     .with_port = true,
     .options = R"(, "url": "http://www.example.org/")",
     .edit = "the \"url\" that is asked for; the question goes to \"server\" all the same"},
    {.port = 443,
     .name = "https",
     .tcp = true,
     .with_port = true,
     .options = R"(, "url": "https://www.example.org/")",
     .edit = "the \"url\" that is asked for, whose name must be in the certificate"},
};

}  // namespace

const ProbePlugin kHttpProbe{.abi = kPluginAbi,
                             .type = "http",
                             .summary = "asks a web server for URLs, over TLS too",
                             .options = kHttpOptions,
                             .create = create_http,
                             .found_at = kHttpPlaces};

}  // namespace anyprobe
