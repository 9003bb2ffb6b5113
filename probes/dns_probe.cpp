#include "probes/dns_probe.hpp"

#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "core/text.hpp"
#include "probes/dns_attempt.hpp"
#include "probes/dns_port.hpp"
#include "probes/named_probe.hpp"
#include "probes/source_options.hpp"

namespace anyprobe {
namespace {

constexpr std::uint16_t kDnsPort = 53;

constexpr std::array kTransports = {"udp", "tcp", "both"};

constexpr std::array kDnsOptions = {
    OptionSpec{.name = "server",
               .kind = OptionKind::host,
               .list = true,
               .default_value = "127.0.0.1",
               .help = "whom to ask, port 53 unless another is given; of several, all are asked at once"},
    OptionSpec{.name = "need",
               .kind = OptionKind::integer,
               .default_value = "0",
               .help = "how many of the servers must pass, 0 means all"},
    OptionSpec{.name = "query",
               .kind = OptionKind::text,
               .placeholder = "NAME",
               .help = "the name to ask for; without it the root is asked for its SOA record"},
    OptionSpec{.name = "record",
               .kind = OptionKind::text,
               .default_value = "A",
               .placeholder = "TYPE",
               .help = "the record type to ask for, by name or number; SOA where there is no query"},
    OptionSpec{
        .name = "transport",
        .kind = OptionKind::choice,
        .default_value = "udp",
        .help = "how to ask; of both, both must pass; a truncated answer over udp is asked for over tcp",
        .choices = kTransports},
    OptionSpec{.name = "rcode",
               .kind = OptionKind::text,
               .default_value = "NOERROR",
               .placeholder = "RCODE",
               .help = "the response code demanded, by name or number"},
    OptionSpec{.name = "expect",
               .kind = OptionKind::text,
               .list = true,
               .placeholder = "VALUE",
               .help = "an address, a prefix or text; of several, one must be among the answers"},
    OptionSpec{
        .name = "min_answers",
        .kind = OptionKind::integer,
        .default_value = "1",
        .help = "how many records of the type there must be; by default none where another rcode is demanded",
        .maximum = 65535},
    OptionSpec{.name = "recursion",
               .kind = OptionKind::boolean,
               .help = "demand that recursion is available, RA (default: true without a query, else false)"},
    OptionSpec{.name = "authenticated",
               .kind = OptionKind::boolean,
               .default_value = "false",
               .help = "demand that the server has authenticated the answer by DNSSEC (AD)"},
    OptionSpec{.name = "fresh",
               .kind = OptionKind::boolean,
               .default_value = "false",
               .help = "put a random label before the query, so that no cache has the answer"},
    kSourceOption,
    kDeviceOption,
};

class DnsProbe final : public Probe {
 public:
  DnsProbe(EventLoop& loop, DnsPlan plan)
      : loop_(loop), ports_(loop.shared<DnsPorts>()), plan_(std::move(plan)) {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    std::vector<Endpoint> out;
    for (const auto& question : plan_.questions) {
      const auto& target = question.target;
      out.push_back({target.server, target.tcp ? Protocol::tcp : Protocol::udp, target.device});
    }
    return out;
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    auto attempt = std::make_unique<DnsAttempt>(loop_, ports_, plan_, sink);
    attempt->begin();
    return attempt;
  }

 private:
  EventLoop& loop_;
  DnsPorts& ports_;
  DnsPlan plan_;
};

template <typename T>
T checked(Options& options, const char* name, Outcome<T> outcome) {
  if (outcome) return std::move(outcome).value();
  options.error(name, outcome.error());
  return {};
}

// RFC 1035 section 4.1: one question, recursion desired.
std::vector<std::uint8_t> make_query(const std::vector<std::uint8_t>& name, std::uint16_t type,
                                     bool authenticated) {
  const auto high = [](std::uint16_t n) { return static_cast<std::uint8_t>(n >> 8U); };
  const auto low = [](std::uint16_t n) { return static_cast<std::uint8_t>(n & 0xffU); };
  constexpr std::uint8_t kRecursionDesired = 0x01;
  constexpr std::uint8_t kAuthenticData = 0x20;  // asks for AD in the answer (RFC 6840 section 5.7)
  std::vector<std::uint8_t> out(kDnsHeader);
  out[2] = kRecursionDesired;
  out[3] = authenticated ? kAuthenticData : 0;
  out[5] = 1;
  out.insert(out.end(), name.begin(), name.end());
  out.insert(out.end(), {high(type), low(type), 0, 1});
  return out;
}

std::vector<std::uint8_t> read_name(Options& options, bool fresh) {
  if (!options.has("query")) {
    if (fresh) options.error("fresh", "needs a query to put the label before");
    return {0};
  }
  auto name = checked(options, "query", encode_dns_name(options.text("query")));
  if (!fresh || name.empty()) return name;
  if (name.size() + 1 + kFreshLabel > kDnsNameWireMax) {
    options.error("query", in_quotes(options.text("query")) + " leaves no room for a fresh label of " +
                               std::to_string(kFreshLabel) + " octets and its dot before it");
  }
  name.insert(name.begin(), 1 + kFreshLabel, static_cast<std::uint8_t>(kFreshLabel));
  return name;
}

DnsExpectedValue read_expected(Options& options, std::size_t index, const std::string& text,
                               std::uint16_t type) {
  DnsExpectedValue out{text, std::nullopt};
  const auto prefix = Prefix::parse(text);
  if (!prefix) {
    const auto slash = text.find('/');
    const bool meant = slash != std::string::npos && IpAddress::parse(text.substr(0, slash)).ok();
    if (meant) options.error("expect", index, prefix.error());
    return out;
  }
  out.prefix = *prefix;
  const auto family = prefix->address.family();
  if (type == dns_type::kA && family == Family::ipv6) {
    options.error("expect", index, in_quotes(text) + " is IPv6, which an A record never is");
  } else if (type == dns_type::kAaaa && family == Family::ipv4) {
    options.error("expect", index, in_quotes(text) + " is IPv4, which an AAAA record never is");
  }
  return out;
}

DnsExpectations read_expectations(Options& options) {
  DnsExpectations out;
  const bool asks_root = !options.has("query");
  out.type = asks_root && !options.given("record")
                 ? dns_type::kSoa
                 : checked(options, "record", parse_dns_type(options.text("record")));
  out.rcode = checked(options, "rcode", parse_dns_rcode(options.text("rcode")));
  out.min_answers = static_cast<std::size_t>(options.integer("min_answers"));
  if (out.rcode != dns_rcode::kNoError && !options.given("min_answers")) out.min_answers = 0;
  out.recursion = options.has("recursion") ? options.boolean("recursion") : asks_root;
  out.authenticated = options.boolean("authenticated");
  const auto values = options.texts("expect");
  for (std::size_t i = 0; i < values.size(); ++i) {
    out.values.push_back(read_expected(options, i, values[i], out.type));
  }
  return out;
}

std::size_t read_need(Options& options, std::size_t servers) {
  const auto need = static_cast<std::size_t>(options.integer("need"));
  if (need > servers) {
    options.error("need",
                  std::to_string(need) + " is more than there are servers (" + std::to_string(servers) + ")");
  }
  return need == 0 ? servers : need;
}

void ask(DnsPlan& plan, const std::vector<SocketAddress>& servers, const DnsTarget& like,
         std::string_view transport) {
  plan.questions.reserve(servers.size() * (transport == "both" ? 2 : 1));
  for (std::size_t i = 0; i < servers.size(); ++i) {
    const DnsTarget udp{servers[i], false, like.source, like.device};
    const DnsTarget tcp{servers[i], true, like.source, like.device};
    if (transport != "tcp") plan.questions.push_back({i, udp});
    if (transport != "udp") plan.questions.push_back({i, tcp});
  }
}

std::unique_ptr<Probe> create_dns(EventLoop& loop, Options& options) {
  DnsPlan plan;
  const auto hosts = options.hosts("server", kDnsPort);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (!seen.insert(hosts[i].to_string()).second) {
      options.error("server", i, in_quotes(hosts[i].to_string()) + " is here twice");
    }
  }
  plan.servers = hosts.size();
  plan.need = read_need(options, hosts.size());
  plan.expected = read_expectations(options);
  plan.fresh = options.boolean("fresh");
  plan.query = make_query(read_name(options, plan.fresh), plan.expected.type, plan.expected.authenticated);

  const DnsTarget like{{}, false, read_source(options, hosts), read_device(options)};
  if (options.failed()) return nullptr;
  const auto make = [&loop, plan, like, transport = options.text("transport")](const ResolvedHosts& servers) {
    auto resolved = plan;
    ask(resolved, addresses_of(servers), like, transport);
    return std::make_unique<DnsProbe>(loop, std::move(resolved));
  };
  const auto family = like.source ? std::optional(like.source->family()) : std::nullopt;
  return make_named_probe(loop, all_needed(hosts), family, make);
}

constexpr UsualPlace kDnsPlaces[] = {
    {.port = kDnsPort,
     .name = "dns",
     .udp = true,
     .tcp = true,
     .tcp_options = R"(, "transport": "tcp")",
     .edit = "with a \"query\" it is asked for a name that it must know; without one, for the SOA record of "
             "the root"},
};

}  // namespace

const ProbePlugin kDnsProbe{.abi = kPluginAbi,
                            .type = "dns",
                            .summary = "asks name servers a question and judges the answers",
                            .program = "dns-probe",
                            .options = kDnsOptions,
                            .create = create_dns,
                            .found_at = kDnsPlaces};

}  // namespace anyprobe
