#include "probes/sip_probe.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.hpp"
#include "probes/named_probe.hpp"
#include "probes/sip_attempt.hpp"
#include "probes/source_options.hpp"

namespace anyprobe {
namespace {

constexpr std::uint16_t kSipPort = 5060;
constexpr std::size_t kUserMost = 64;

constexpr std::array kTransports = {"udp", "tcp"};

constexpr std::array kSipOptions = {
    OptionSpec{.name = "server",
               .kind = OptionKind::host,
               .default_value = "127.0.0.1",
               .help = "whom to ask, port 5060 unless another is given"},
    OptionSpec{.name = "transport",
               .kind = OptionKind::choice,
               .default_value = "udp",
               .help = "how to ask",
               .choices = kTransports},
    OptionSpec{.name = "accept",
               .kind = OptionKind::text,
               .list = true,
               .placeholder = "STATUS",
               .help = "which answers pass beside 200 to 299, as 404, 480-489 or 4xx"},
    OptionSpec{.name = "domain",
               .kind = OptionKind::host,
               .help = "the domain in the address that is asked for, sip:DOMAIN (default: the server)"},
    OptionSpec{.name = "user",
               .kind = OptionKind::text,
               .default_value = "anyprobe",
               .placeholder = "NAME",
               .help = "as which user of that domain it asks"},
    kSourceOption,
    kDeviceOption,
};

class SipProbe final : public Probe {
 public:
  SipProbe(EventLoop& loop, SipPlan plan)
      : loop_(loop),
        plan_(std::move(plan)),
        udp_{plan_.question.server, plan_.source, plan_.device},
        tcp_{plan_.question.server, plan_.source, plan_.device} {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    return {{plan_.question.server, plan_.question.tcp ? Protocol::tcp : Protocol::udp, plan_.device}};
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    std::unique_ptr<SipAttempt> attempt;
    if (plan_.question.tcp) {
      attempt = std::make_unique<SipTcpAttempt>(loop_, plan_, tcp_, sink);
    } else {
      attempt = std::make_unique<SipUdpAttempt>(loop_, plan_, udp_, sink);
    }
    attempt->begin();
    return attempt;
  }

 private:
  EventLoop& loop_;
  const SipPlan plan_;
  const UdpTarget udp_;
  const TcpTarget tcp_;
};

// As it stands in a URI (RFC 3261 section 25.1).
std::string host_in_uri(const Host& host) {
  if (!host.address) return host.name;
  const auto text = host.address->to_string();
  return host.address->family() == Family::ipv6 ? "[" + text + "]" : text;
}

void read_user(Options& options, SipQuestion& question) {
  question.user = options.text("user");
  const auto may_be = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.!~*'()&=+$").find(c) != std::string_view::npos;
  };
  if (question.user.empty() || question.user.size() > kUserMost ||
      !std::all_of(question.user.begin(), question.user.end(), may_be)) {
    options.error("user", in_quotes(question.user) + " is no user of a SIP address (try anyprobe)");
  }
}

void read_domain(Options& options, const std::vector<Host>& servers, SipQuestion& question) {
  const auto domains = options.has("domain") ? options.hosts("domain", 0) : servers;
  if (domains.empty()) return;
  const auto& domain = domains.front();
  question.domain = host_in_uri(domain);
  question.uri = "sip:" + question.domain + (domain.port == 0 ? "" : ":" + std::to_string(domain.port));
}

std::unique_ptr<Probe> create_sip(EventLoop& loop, Options& options) {
  SipPlan plan;
  const auto hosts = options.hosts("server", kSipPort);
  plan.question.tcp = options.text("transport") == "tcp";
  read_domain(options, hosts, plan.question);
  read_user(options, plan.question);
  // What is below 200 is provisional and answers nothing (RFC 3261 section 7.2).
  plan.accepted = read_statuses(options, "accept", 200, 699);
  plan.accepted.add({200, 299});
  plan.source = read_source(options, hosts);
  plan.device = read_device(options);
  if (options.failed()) return nullptr;
  const auto make = [&loop, plan](const ResolvedHosts& servers) {
    auto resolved = plan;
    resolved.question.server = addresses_of(servers).front();
    return std::make_unique<SipProbe>(loop, std::move(resolved));
  };
  return make_named_probe(loop, all_needed(hosts),
                          plan.source ? std::optional(plan.source->family()) : std::nullopt, make);
}

constexpr UsualPlace kSipPlaces[] = {
    {.port = 5060,
     .name = "sip",
     .udp = true,
     .tcp = true,
     .tcp_options = R"(, "transport": "tcp")",
     .edit = "the \"domain\" and the \"user\" that it is asked for"},
};

}  // namespace

const ProbePlugin kSipProbe{.abi = kPluginAbi,
                            .type = "sip",
                            .summary = "asks a SIP server for its options",
                            .options = kSipOptions,
                            .create = create_sip,
                            .found_at = kSipPlaces};

}  // namespace anyprobe
