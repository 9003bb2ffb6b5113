#include "probes/socks_probe.hpp"

#include <array>
#include <set>
#include <utility>

#include "core/text.hpp"
#include "probes/named_probe.hpp"
#include "probes/socks_attempt.hpp"
#include "probes/source_options.hpp"

namespace anyprobe {
namespace {

constexpr std::uint16_t kSocksPort = 1080;
constexpr std::uint16_t kDnsPort = 53;

constexpr const char* kProtocols[] = {"5", "4a"};
constexpr const char* kQuestions[] = {"dns", "echo"};
constexpr const char* kResolvers[] = {"local", "proxy"};

constexpr std::array kSocksOptions = {
    OptionSpec{.name = "server",
               .kind = OptionKind::host,
               .default_value = "127.0.0.1:1080",
               .help = "the proxy, an address or a name; without a port 1080"},
    OptionSpec{.name = "protocol",
               .kind = OptionKind::choice,
               .default_value = "5",
               .help = "SOCKS5, or SOCKS4a, which needs a target",
               .choices = kProtocols},
    OptionSpec{.name = "username",
               .kind = OptionKind::text,
               .placeholder = "NAME",
               .help = "whom to log in as, and nothing but a login is offered then; with 4a the user id"},
    OptionSpec{.name = "password", .kind = OptionKind::secret, .help = "the password of the user"},
    OptionSpec{.name = "target",
               .kind = OptionKind::host,
               .list = true,
               .placeholder = "HOST:PORT",
               .help =
                   "where to connect to through the proxy; of several, all are tried at once and one must "
                   "be reached; without any, the negotiation is all that is asked"},
    OptionSpec{.name = "udp_target",
               .kind = OptionKind::host,
               .placeholder = "HOST:PORT",
               .help = "whom to ask over UDP through the proxy's relay, and who must answer"},
    OptionSpec{.name = "udp_question",
               .kind = OptionKind::choice,
               .help = "what to ask there: the SOA record of the root, or octets that come back; without it, "
                       "dns on port 53 and else echo",
               .choices = kQuestions},
    OptionSpec{.name = "resolve",
               .kind = OptionKind::choice,
               .default_value = "local",
               .help = "who looks up names in targets: this host, or the proxy",
               .choices = kResolvers},
    OptionSpec{.name = "source", .kind = OptionKind::address, .help = "the address to ask the proxy from"},
    OptionSpec{.name = "bind_device",
               .kind = OptionKind::text,
               .placeholder = "INTERFACE",
               .help = "the interface to ask the proxy through, whatever the routes say"},
};

class SocksProbe final : public Probe {
 public:
  SocksProbe(EventLoop& loop, SocksPlan plan) : loop_(loop), plan_(std::move(plan)) {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    return {{plan_.server.server, Protocol::tcp, plan_.server.device}};
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    auto attempt = std::make_unique<SocksAttempt>(loop_, plan_, sink);
    attempt->begin();
    return attempt;
  }

 private:
  EventLoop& loop_;
  const SocksPlan plan_;
};

std::vector<SocksTarget> read_targets(Options& options, const char* name, bool v4a) {
  std::vector<SocksTarget> out;
  const auto hosts = options.hosts(name, 0);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto& host = hosts[i];
    const auto text = host.address ? host.address->to_string() : host.name;
    if (host.port == 0) {
      options.error(name, i, in_quotes(text) + " has no port (try \"www.example.org:80\")");
    } else if (!seen.insert(host.to_string()).second) {
      options.error(name, i, in_quotes(host.to_string()) + " is here twice");
    }
    if (v4a && host.address && host.address->family() == Family::ipv6) {
      options.error(name, i, in_quotes(text) + " is IPv6, which SOCKS4a does not know");
    }
    out.push_back({host, host});
  }
  return out;
}

void read_login(Options& options, bool v4a, SocksPlan& plan) {
  plan.username = options.text("username");
  plan.password = options.text("password");
  if (options.given("username") && plan.username.empty()) options.error("username", "is empty");
  if (plan.username.size() > kSocksLongest) options.error("username", "is above 255 octets");
  if (plan.password.size() > kSocksLongest) options.error("password", "is above 255 octets");
  if (options.failed()) return;  // what is no value is not given
  if (v4a && options.given("password")) {
    options.error("password", "is not known to SOCKS4a");
  } else if (!v4a && options.given("password") && !options.given("username")) {
    options.error("password", R"(wants a "username")");
  } else if (!v4a && options.given("username") && !options.given("password")) {
    options.error("username", R"(wants a "password")");
  }
}

void read_udp(Options& options, bool v4a, SocksPlan& plan) {
  auto targets = read_targets(options, "udp_target", v4a);
  if (targets.empty()) {
    if (options.given("udp_question")) options.error("udp_question", R"(wants a "udp_target")");
    return;
  }
  if (v4a) options.error("udp_target", "is not possible: SOCKS4a relays no UDP");
  plan.udp_target = std::move(targets.front());
  const bool dns = options.given("udp_question") ? options.text("udp_question") == "dns"
                                                 : plan.udp_target->asked.port == kDnsPort;
  plan.udp_question = dns ? SocksQuestionKind::dns : SocksQuestionKind::echo;
}

// Of a server by name, then of each target that is looked up here.
std::unique_ptr<Probe> make(EventLoop& loop, SocksPlan plan, const ResolvedHosts& hosts, bool local) {
  auto next = hosts.begin();
  plan.server.server = next++->value();
  const auto resolve = [&](SocksTarget& target) {
    if (!local) return;
    const auto& address = *next++;
    target.to.reset();
    if (address) target.to = Host{{}, address->ip, address->port};
  };
  for (auto& target : plan.targets) resolve(target);
  if (plan.udp_target) resolve(*plan.udp_target);
  return std::make_unique<SocksProbe>(loop, std::move(plan));
}

std::unique_ptr<Probe> create_socks(EventLoop& loop, Options& options) {
  SocksPlan plan;
  const bool v4a = options.text("protocol") == "4a";
  const bool local = options.text("resolve") == "local";
  plan.protocol = v4a ? SocksProtocol::v4a : SocksProtocol::v5;
  const auto servers = options.hosts("server", kSocksPort);
  read_login(options, v4a, plan);
  plan.targets = read_targets(options, "target", v4a);
  read_udp(options, v4a, plan);
  if (v4a && !options.has("target") && !options.has("udp_target")) {
    options.error("protocol", R"("4a" negotiates nothing that could be asked for, and wants a "target")");
  }
  plan.server.source = read_source(options, servers);
  plan.server.device = read_device(options);
  if (options.failed() || servers.empty()) return nullptr;

  const auto& source = plan.server.source;
  std::vector<NamedHost> hosts{
      {servers.front(), true, source ? std::optional(source->family()) : std::nullopt}};
  if (local) {
    // A target without an address is a dead target, not a dead proxy.
    const auto family = v4a ? std::optional(Family::ipv4) : std::nullopt;
    for (const auto& target : plan.targets) hosts.push_back({target.asked, false, family});
    if (plan.udp_target) hosts.push_back({plan.udp_target->asked, false, family});
  }
  return make_named_probe(
      loop, std::move(hosts), std::nullopt,
      [&loop, plan, local](const ResolvedHosts& resolved) { return make(loop, plan, resolved, local); });
}

constexpr UsualPlace kSocksPlaces[] = {
    {.port = 1080,
     .name = "socks",
     .tcp = true,
     .edit = "with a \"target\" it must connect there, and not only negotiate"},
};

}  // namespace

const ProbePlugin kSocksProbe{.abi = kPluginAbi,
                              .type = "socks",
                              .summary = "asks a SOCKS proxy to negotiate, to connect and to relay UDP",
                              .program = "socks-probe",
                              .options = kSocksOptions,
                              .create = create_socks,
                              .found_at = kSocksPlaces};

}  // namespace anyprobe
