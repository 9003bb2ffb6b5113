#include "probes/radius_probe.hpp"

#include <array>
#include <utility>

#include "probes/named_probe.hpp"
#include "probes/radius_attempt.hpp"
#include "probes/source_options.hpp"

namespace anyprobe {
namespace {

constexpr std::uint16_t kStatusPort = 18120;  // FreeRADIUS' site "status"
constexpr std::uint16_t kAccountingPort = 1813;
constexpr std::uint16_t kOldAccountingPort = 1646;

constexpr std::array kKinds = {"auth", "acct", "either"};

constexpr std::array kRadiusOptions = {
    OptionSpec{.name = "server",
               .kind = OptionKind::host,
               .default_value = "127.0.0.1",
               .help = "whom to ask, port 18120 unless another is given"},
    OptionSpec{.name = "secret",
               .kind = OptionKind::secret,
               .help = "the secret that is shared with the server",
               .required = true},
    OptionSpec{.name = "kind",
               .kind = OptionKind::choice,
               .help = "what the port is for: auth answers by Access-Accept, acct by Accounting-Response "
                       "(default: acct on ports 1813 and 1646, else auth)",
               .choices = kKinds},
    OptionSpec{.name = "require_message_authenticator",
               .kind = OptionKind::boolean,
               .default_value = "false",
               .help = "take no answer without Message-Authenticator; one that is there must always verify"},
    OptionSpec{.name = "nas_identifier",
               .kind = OptionKind::text,
               .default_value = "anyprobe",
               .placeholder = "NAME",
               .help = "the NAS-Identifier in the question; without one if it is empty"},
    OptionSpec{.name = "resend",
               .kind = OptionKind::duration,
               .default_value = "200ms",
               .help = "how long to wait for an answer before the question is sent again",
               .minimum = 10,
               .maximum = 3'600'000},
    kSourceOption,
    kDeviceOption,
};

class RadiusProbe final : public Probe {
 public:
  RadiusProbe(EventLoop& loop, RadiusPlan plan) : loop_(loop), plan_(std::move(plan)) {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    return {{plan_.target.server, Protocol::udp, plan_.target.device}};
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    auto attempt = std::make_unique<RadiusAttempt>(loop_, plan_, sink);
    attempt->begin();
    return attempt;
  }

 private:
  EventLoop& loop_;
  const RadiusPlan plan_;
};

std::string read_kind(Options& options, std::uint16_t port) {
  if (options.has("kind")) return options.text("kind");
  return port == kAccountingPort || port == kOldAccountingPort ? "acct" : "auth";
}

std::unique_ptr<Probe> create_radius(EventLoop& loop, Options& options) {
  const auto hosts = options.hosts("server", kStatusPort);
  RadiusPlan plan;
  plan.secret = options.text("secret");
  plan.nas_identifier = options.text("nas_identifier");
  if (plan.nas_identifier.size() > kRadiusValueMost) {
    options.error("nas_identifier", "is above " + std::to_string(kRadiusValueMost) + " octets");
  }
  plan.require_message_authenticator = options.boolean("require_message_authenticator");
  plan.resend = options.duration("resend");
  plan.target.source = read_source(options, hosts);
  plan.target.device = read_device(options);
  if (options.failed()) return nullptr;
  const auto kind = read_kind(options, hosts.front().port);
  plan.authentication = kind != "acct";
  plan.accounting = kind != "auth";

  const auto make = [&loop, plan](const ResolvedHosts& servers) {
    auto resolved = plan;
    resolved.target.server = addresses_of(servers).front();
    return std::make_unique<RadiusProbe>(loop, std::move(resolved));
  };
  const auto& source = plan.target.source;
  const auto family = source ? std::optional(source->family()) : std::nullopt;
  return make_named_probe(loop, all_needed(hosts), family, make);
}

constexpr UsualPlace kRadiusPlaces[] = {
    {.port = 1812,
     .name = "radius",
     .udp = true,
     .options = R"(, "secret": { "file": "/etc/anyprobe/radius.secret" })",
     .edit = "FreeRADIUS answers Status-Server on a port of its own, 18120",
     .wants = "the secret in a file, and status_server = yes: radius-probe(8)"},
};

}  // namespace

const ProbePlugin kRadiusProbe{.abi = kPluginAbi,
                               .type = "radius",
                               .summary = "asks a RADIUS server for its status",
                               .program = "radius-probe",
                               .options = kRadiusOptions,
                               .create = create_radius,
                               .found_at = kRadiusPlaces};

}  // namespace anyprobe
