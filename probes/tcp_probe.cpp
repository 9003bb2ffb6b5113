#include "probes/tcp_probe.hpp"

#include <array>
#include <set>
#include <utility>

#include "probes/escapes.hpp"
#include "probes/named_probe.hpp"
#include "probes/source_options.hpp"
#include "probes/tcp_attempt.hpp"

namespace anyprobe {
namespace {

constexpr std::array kTcpOptions = {
    OptionSpec{.name = "host",
               .kind = OptionKind::host,
               .default_value = "127.0.0.1",
               .placeholder = "HOST",
               .help = "whom to connect to, an address or a name"},
    OptionSpec{.name = "ports",
               .kind = OptionKind::integer,
               .list = true,
               .placeholder = "PORT",
               .help = "where to connect to; of several, all are tried at once and all must pass",
               .minimum = 1,
               .maximum = 65535,
               .required = true},
    OptionSpec{
        .name = "send",
        .kind = OptionKind::text,
        .help = R"(what to say on each connection; \r, \n, \t, \\ and \xHH are the octets they stand for)"},
    OptionSpec{
        .name = "expect",
        .kind = OptionKind::text,
        .help = "what must occur in the first 64 KiB that come back; without it, to connect is enough"},
    kSourceOption,
    kDeviceOption,
};

class TcpProbe final : public Probe {
 public:
  TcpProbe(EventLoop& loop, TcpPlan plan) : loop_(loop), plan_(std::move(plan)) {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    std::vector<Endpoint> out;
    for (const auto& target : plan_.targets) out.push_back({target.server, Protocol::tcp, target.device});
    return out;
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    auto attempt = std::make_unique<TcpAttempt>(loop_, plan_, sink);
    attempt->begin();
    return attempt;
  }

 private:
  EventLoop& loop_;
  const TcpPlan plan_;
};

std::vector<Host> read_hosts(Options& options) {
  std::vector<Host> out;
  const auto hosts = options.hosts("host", 0);
  if (hosts.empty()) return out;
  if (hosts.front().port != 0) options.error("host", "has a port, which stands in \"ports\"");
  const auto ports = options.integers("ports");
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!seen.insert(ports[i]).second) options.error("ports", i, std::to_string(ports[i]) + " is here twice");
    out.push_back(hosts.front());
    out.back().port = static_cast<std::uint16_t>(ports[i]);
  }
  return out;
}

// Not given at all, or something.
std::string read_words(Options& options, const char* name) {
  auto words = options.text(name);
  if (options.given(name) && words.empty()) options.error(name, "is empty");
  return words;
}

std::unique_ptr<Probe> create_tcp(EventLoop& loop, Options& options) {
  TcpPlan plan;
  const auto hosts = read_hosts(options);
  const auto send = unescape(read_words(options, "send"));
  if (send) {
    plan.send.assign(send->begin(), send->end());
  } else {
    options.error("send", send.error());
  }
  plan.expect = read_words(options, "expect");
  const auto source = read_source(options, hosts);
  const auto device = read_device(options);
  if (options.failed()) return nullptr;
  const auto make = [&loop, plan, source, device](const ResolvedHosts& servers) {
    auto resolved = plan;
    for (const auto& server : addresses_of(servers)) resolved.targets.push_back({server, source, device});
    return std::make_unique<TcpProbe>(loop, std::move(resolved));
  };
  return make_named_probe(loop, all_needed(hosts), source ? std::optional(source->family()) : std::nullopt,
                          make);
}

}  // namespace

const ProbePlugin kTcpProbe{.abi = kPluginAbi,
                            .type = "tcp",
                            .summary = "connects to ports, and hears what they say if wanted",
                            .program = "tcp-route-probe",
                            .options = kTcpOptions,
                            .create = create_tcp};

}  // namespace anyprobe
