#include "probes/ntp_probe.hpp"

#include <array>
#include <utility>

#include "probes/named_probe.hpp"
#include "probes/ntp_attempt.hpp"
#include "probes/source_options.hpp"

namespace anyprobe {
namespace {

constexpr std::uint16_t kNtpPort = 123;
constexpr std::int64_t kYear = 365LL * 24 * 3'600'000;

constexpr std::array kNtpOptions = {
    OptionSpec{.name = "server",
               .kind = OptionKind::host,
               .default_value = "127.0.0.1",
               .help = "whom to ask, port 123 unless another is given"},
    OptionSpec{
        .name = "max_offset",
        .kind = OptionKind::duration,
        .default_value = "1s",
        .help = "how far the clock of the server may be from ours, beside what the round trip leaves open",
        .minimum = 1,
        .maximum = kYear},
    OptionSpec{.name = "max_stratum",
               .kind = OptionKind::integer,
               .default_value = "15",
               .help = "how many servers may stand between the reference clock and us",
               .minimum = 1,
               .maximum = 15},
    OptionSpec{.name = "max_distance",
               .kind = OptionKind::duration,
               .default_value = "3s",
               .help = "how far the server itself may deem its clock from the true time (root distance)",
               .minimum = 1,
               .maximum = kYear},
    OptionSpec{.name = "resend",
               .kind = OptionKind::duration,
               .default_value = "200ms",
               .help = "how long to wait for an answer before the question is sent again",
               .minimum = 10,
               .maximum = 3'600'000},
    kSourceOption,
    kDeviceOption,
};

class NtpProbe final : public Probe {
 public:
  NtpProbe(EventLoop& loop, NtpPlan plan) : loop_(loop), plan_(std::move(plan)) {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    return {{plan_.target.server, Protocol::udp, plan_.target.device}};
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    auto attempt = std::make_unique<NtpAttempt>(loop_, plan_, sink);
    attempt->begin();
    return attempt;
  }

 private:
  EventLoop& loop_;
  const NtpPlan plan_;
};

std::unique_ptr<Probe> create_ntp(EventLoop& loop, Options& options) {
  const auto hosts = options.hosts("server", kNtpPort);
  NtpPlan plan;
  plan.limits.stratum = static_cast<unsigned>(options.integer("max_stratum"));
  plan.limits.offset = options.duration("max_offset");
  plan.limits.distance = options.duration("max_distance");
  plan.resend = options.duration("resend");
  plan.target.source = read_source(options, hosts);
  plan.target.device = read_device(options);
  if (options.failed()) return nullptr;
  const auto make = [&loop, plan](const ResolvedHosts& servers) {
    auto resolved = plan;
    resolved.target.server = addresses_of(servers).front();
    return std::make_unique<NtpProbe>(loop, std::move(resolved));
  };
  const auto& source = plan.target.source;
  return make_named_probe(loop, all_needed(hosts), source ? std::optional(source->family()) : std::nullopt,
                          make);
}

constexpr UsualPlace kNtpPlaces[] = {
    {.port = 123, .name = "ntp", .udp = true, .edit = "how wrong its clock may be, \"max_offset\""},
};

}  // namespace

const ProbePlugin kNtpProbe{.abi = kPluginAbi,
                            .type = "ntp",
                            .summary = "asks a time server for the time, and whether it knows it",
                            .options = kNtpOptions,
                            .create = create_ntp,
                            .found_at = kNtpPlaces};

}  // namespace anyprobe
