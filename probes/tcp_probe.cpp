#include "probes/tcp_probe.hpp"

#include <array>
#include <set>
#include <utility>

#include "probes/escapes.hpp"
#include "probes/source_options.hpp"
#include "probes/tcp_attempt.hpp"

namespace anyprobe {
namespace {

constexpr std::array kOptions = {
    OptionSpec{.name = "host",
               .kind = OptionKind::address,
               .default_value = "127.0.0.1",
               .help = "whom to connect to, a literal address: names are not resolved"},
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
    OptionSpec{.name = "source", .kind = OptionKind::address, .help = "the address to ask from"},
    OptionSpec{.name = "bind_device",
               .kind = OptionKind::text,
               .placeholder = "INTERFACE",
               .help = "the interface to ask through, whatever the routes say"},
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

std::vector<SocketAddress> read_servers(Options& options) {
  std::vector<SocketAddress> out;
  const auto hosts = options.addresses("host");
  if (hosts.empty()) return out;
  const auto ports = options.integers("ports");
  std::set<std::int64_t> seen;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (!seen.insert(ports[i]).second) options.error("ports", i, std::to_string(ports[i]) + " is here twice");
    out.push_back({hosts.front(), static_cast<std::uint16_t>(ports[i])});
  }
  return out;
}

// Not given at all, or something.
std::string read_words(Options& options, const char* name) {
  auto words = options.text(name);
  if (options.given(name) && words.empty()) options.error(name, "is empty");
  return words;
}

std::unique_ptr<Probe> create(EventLoop& loop, Options& options) {
  TcpPlan plan;
  const auto servers = read_servers(options);
  const auto send = unescape(read_words(options, "send"));
  if (send) {
    plan.send.assign(send->begin(), send->end());
  } else {
    options.error("send", send.error());
  }
  plan.expect = read_words(options, "expect");
  const auto source = read_source(options, servers);
  const auto device = read_device(options);
  for (const auto& server : servers) plan.targets.push_back({server, source, device});
  if (options.failed()) return nullptr;
  return std::make_unique<TcpProbe>(loop, std::move(plan));
}

}  // namespace

const ProbePlugin kTcpProbe{.abi = kPluginAbi,
                            .type = "tcp",
                            .summary = "connects to ports, and hears what they say if wanted",
                            .options = kOptions,
                            .create = create};

}  // namespace anyprobe
