#include "probes/http_proxy_probe.hpp"

#include <array>
#include <utility>

#include "core/text.hpp"
#include "probes/http_options.hpp"
#include "probes/named_probe.hpp"
#include "probes/planned_http_probe.hpp"
#include "probes/source_options.hpp"

namespace anyprobe {
namespace {

constexpr std::uint16_t kProxyPort = 3128;
// Squid's icon for files of unknown kind, as the script of 2012 asked for it; since Squid 3.2 by this name.
constexpr std::string_view kOwnIcon = "/squid-internal-static/icons/silk/bullet_red.png";

constexpr std::array kMethods = {"GET", "HEAD", "CONNECT"};

constexpr std::array kHttpProxyOptions = {
    OptionSpec{.name = "server",
               .kind = OptionKind::host,
               .default_value = "127.0.0.1:3128",
               .help = "the proxy, on port 3128 unless another is given"},
    OptionSpec{.name = "url",
               .list = true,
               .placeholder = "URL",
               .help =
                   "what the proxy is to fetch, http or https; of several, it fails only when none can be "
                   "fetched; without one it is asked for its own icon, which proves no forwarding"},
    OptionSpec{
        .name = "method",
        .kind = OptionKind::choice,
        .default_value = "GET",
        .help = "how to ask; CONNECT opens a tunnel to the host of the URL and says nothing through it",
        .choices = kMethods},
    kAcceptOption,
    kExpectOption,
    kExpectHeaderOption,
    OptionSpec{.name = "headers",
               .kind = OptionKind::secret,
               .list = true,
               .placeholder = "NAME:VALUE",
               .help = "a header to send with the question; Cache-Control is no-cache unless it is here, so "
                       "that the origin is asked each time"},
    OptionSpec{.name = "username", .placeholder = "NAME", .help = "whom the proxy is to take us for (Basic)"},
    OptionSpec{.name = "password", .kind = OptionKind::secret, .help = "and the password"},
    kCaFileOption,
    kSourceOption,
    kDeviceOption,
};

void need_url(Options& options) {
  for (const char* name : {"expect", "headers", "username", "password", "ca_file"}) {
    if (options.given(name)) options.error(name, "goes with \"url\"");
  }
  if (options.text("method") == "CONNECT") options.error("method", "\"CONNECT\" goes with \"url\"");
}

// As written, or for a tunnel only its end: a request of plain HTTP has no TLS set up inside.
std::string asked_url(const HttpUrl& url, HttpMethod method) {
  if (method != HttpMethod::connect) return url.text;
  return "http://" + url.server.to_string() + "/";
}

CurlRequest read_request(Options& options) {
  CurlRequest out;
  const auto method = options.text("method");
  out.method = method == "CONNECT" ? HttpMethod::connect
               : method == "HEAD"  ? HttpMethod::head
                                   : HttpMethod::get;
  out.proxy = true;
  out.headers = read_headers(options);
  out.username = options.text("username");
  if (options.given("username") && out.username.empty()) options.error("username", "is empty");
  out.password = options.text("password");
  if (out.username.find(':') != std::string::npos) options.error("username", "has a colon in it");
  if (options.given("password") && !options.given("username")) {
    options.error("password", "goes with \"username\"");
  }
  out.ca_file = read_ca_file(options);
  return out;
}

std::unique_ptr<Probe> create_http_proxy(EventLoop& loop, Options& options) {
  if (lacks_curl(options)) return nullptr;
  HttpPlan plan;
  plan.one_is_enough = true;
  auto request = read_request(options);
  const auto urls = read_urls(options);
  const bool own_icon = !options.given("url");
  if (own_icon) {
    need_url(options);
    if (!options.given("method")) request.method = HttpMethod::head;
    request.proxy = false;
    plan.remark = ", its own icon, which proves no forwarding";
  } else if (request.method != HttpMethod::connect && !has_header(request.headers, "Cache-Control")) {
    request.headers.emplace_back("Cache-Control: no-cache");
  }
  plan.expected = read_expectations(options);
  plan.expected.from_origin = !own_icon;
  const auto hosts = options.hosts("server", kProxyPort);
  request.target.source = read_source(options, hosts);
  request.target.device = read_device(options);
  if (options.failed()) return nullptr;
  const auto make = [&loop, plan, request, urls](const ResolvedHosts& resolved) {
    auto made = plan;
    auto one = request;
    one.target.server = addresses_of(resolved).front();
    const auto proxy = one.target.server.to_string();
    if (urls.empty()) {
      one.url = "http://" + proxy + std::string(kOwnIcon);
      made.questions.push_back({one, proxy});
    }
    for (const auto& url : urls) {
      one.url = asked_url(url, one.method);
      made.questions.push_back({one, url.text + " by " + proxy});
    }
    return std::make_unique<PlannedHttpProbe>(loop, std::move(made));
  };
  const auto& source = request.target.source;
  return make_named_probe(loop, all_needed(hosts), source ? std::optional(source->family()) : std::nullopt,
                          make);
}

constexpr UsualPlace kHttpProxyPlaces[] = {
    {.port = 3128,
     .name = "http-proxy",
     .tcp = true,
     .options = R"(, "url": "http://www.example.org/")",
     .edit = "a \"url\" that it is to fetch, best one that is always near"},
};

}  // namespace

const ProbePlugin kHttpProxyProbe{.abi = kPluginAbi,
                                  .type = "http_proxy",
                                  .summary = "asks an HTTP proxy to fetch a URL, or to open a tunnel",
                                  .program = "squid-probe",
                                  .options = kHttpProxyOptions,
                                  .create = create_http_proxy,
                                  .found_at = kHttpProxyPlaces};

}  // namespace anyprobe
