#include "probes/syslog_probe.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.hpp"
#include "probes/failure.hpp"
#include "probes/named_probe.hpp"
#include "probes/source_options.hpp"
#include "probes/syslog_attempt.hpp"

namespace anyprobe {
namespace {

constexpr const char* kTransports[] = {"udp", "tcp"};
constexpr const char* kFormats[] = {"rfc3164", "rfc5424"};
constexpr const char* kFramings[] = {"newline", "octet-counting"};

constexpr std::array kSyslogOptions = {
    OptionSpec{.name = "send",
               .kind = OptionKind::text,
               .default_value = "127.0.0.1:5514",
               .placeholder = "HOST|PATH",
               .help = "where lines go in: an address or a name, with a port or without (5514), or the path "
                       "of a Unix socket such as /dev/log"},
    OptionSpec{.name = "listen",
               .kind = OptionKind::server,
               .default_value = "127.0.0.1:5515",
               .help = "where they must come out: the address and port that the relay sends to"},
    OptionSpec{.name = "transport",
               .kind = OptionKind::choice,
               .default_value = "udp",
               .help = "how a line is sent; over tcp, each on a connection of its own",
               .choices = kTransports},
    OptionSpec{.name = "listen_transport",
               .kind = OptionKind::choice,
               .default_value = "udp",
               .help = "how the relay sends it on",
               .choices = kTransports},
    OptionSpec{.name = "format",
               .kind = OptionKind::choice,
               .default_value = "rfc3164",
               .help = "how a line is written",
               .choices = kFormats},
    OptionSpec{
        .name = "framing",
        .kind = OptionKind::choice,
        .default_value = "newline",
        .help = "how a line that is sent over tcp ends (RFC 6587); what comes in is found in any framing",
        .choices = kFramings},
    OptionSpec{.name = "facility",
               .kind = OptionKind::choice,
               .default_value = "local0",
               .help = "the facility of the line",
               .choices = kSyslogFacilities},
    OptionSpec{.name = "severity",
               .kind = OptionKind::choice,
               .default_value = "debug",
               .help = "the severity of the line",
               .choices = kSyslogSeverities},
    OptionSpec{.name = "hostname",
               .kind = OptionKind::text,
               .default_value = "127.0.0.1",
               .help = "the host that the line says it is of; left out towards a Unix socket in rfc3164"},
    OptionSpec{.name = "tag",
               .kind = OptionKind::text,
               .default_value = "syslog-probe",
               .help = "the program that the line says it is of, which the relay can filter by"},
    OptionSpec{.name = "source", .kind = OptionKind::address, .help = "the address to send from"},
    OptionSpec{.name = "bind_device",
               .kind = OptionKind::text,
               .placeholder = "INTERFACE",
               .help = "the interface to send through, whatever the routes say"},
};

// Sends to one address, or to a socket; is told where to listen.
class Sender final : public Probe {
 public:
  Sender(EventLoop& loop, SyslogPlan plan, const std::shared_ptr<SyslogListener>& listener)
      : loop_(loop), plan_(std::move(plan)), listener_(listener) {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    if (!plan_.path.empty()) return {{{}, Protocol::local, {}}};
    return {{plan_.server, plan_.transport, plan_.device}};
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    auto attempt = std::make_unique<SyslogAttempt>(loop_, plan_, *listener_, sink);
    attempt->begin();
    return attempt;
  }

 private:
  EventLoop& loop_;
  const SyslogPlan plan_;
  const std::shared_ptr<SyslogListener>& listener_;
};

// Holds the port, while what it sends to may change its address.
class SyslogProbe final : public Probe {
 public:
  SyslogProbe(EventLoop& loop, const SyslogPlan& plan, const std::optional<Host>& host)
      : loop_(loop), listen_(plan.listen), listen_transport_(plan.listen_transport) {
    if (!host) {
      sender_ = std::make_unique<Sender>(loop, plan, listener_);
      return;
    }
    const auto make = [this, plan](const ResolvedHosts& servers) {
      auto resolved = plan;
      resolved.server = addresses_of(servers).front();
      return std::make_unique<Sender>(loop_, std::move(resolved), listener_);
    };
    sender_ = make_named_probe(loop, {{*host, true}},
                               plan.source ? std::optional(plan.source->family()) : std::nullopt, make);
  }

  [[nodiscard]] std::vector<Endpoint> endpoints() const override { return sender_->endpoints(); }

  void prepare(Options& options) override {
    if (const auto wrong = listen(); !wrong.empty()) options.error("listen", wrong);
  }

  // What only checks has not prepared: a port that it cannot have is no fault of the relay.
  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    if (const auto wrong = listen(); !wrong.empty()) {
      sink.report({Verdict::local_error, Evidence::soft, failure_reason::kLocalError, wrong});
      return nullptr;
    }
    return sender_->start(sink);
  }

 private:
  std::string listen() {
    if (listener_) return {};
    auto listener = SyslogListener::of(loop_, listen_, listen_transport_);
    if (!listener) return listener.error();
    listener_ = std::move(listener).value();
    return {};
  }

  EventLoop& loop_;
  const SocketAddress listen_;
  const Protocol listen_transport_;
  std::shared_ptr<SyslogListener> listener_;
  std::unique_ptr<Probe> sender_;
};

Protocol read_transport(const Options& options, const char* name) {
  return options.text(name) == "tcp" ? Protocol::tcp : Protocol::udp;
}

unsigned index_of(std::span<const char* const> names, const std::string& name) {
  return static_cast<unsigned>(std::find(names.begin(), names.end(), name) - names.begin());
}

// A field of the header, which ends at a space.
std::string read_field(Options& options, const char* name, std::size_t most, std::string_view but_not) {
  auto field = options.text(name);
  const bool good = !field.empty() && field.size() <= most &&
                    std::all_of(field.begin(), field.end(), [](char c) { return c > 0x20 && c < 0x7f; }) &&
                    field.find_first_of(but_not) == std::string::npos;
  if (options.has(name) && !good) {
    options.error(name, in_quotes(field) + " cannot stand in a line (1 to " + std::to_string(most) +
                            " printable characters without a space" +
                            (but_not.empty() ? "" : ", and none of " + std::string(but_not)) + ")");
  }
  return field;
}

// A path that an option of the network goes with, which it does not have.
void refuse_with_path(Options& options) {
  for (const char* name : {"transport", "framing", "source", "bind_device"}) {
    if (options.given(name)) options.error(name, "says nothing of a Unix socket, which \"send\" is");
  }
}

std::optional<Host> read_send(Options& options, SyslogPlan& plan) {
  constexpr std::uint16_t kDefaultPort = 5514;
  const auto send = options.text("send");
  if (send.starts_with('/')) {
    plan.path = send;
    if (send.size() > kLocalPathMost) {
      options.error("send", "is above " + std::to_string(kLocalPathMost) + " octets");
    }
    refuse_with_path(options);
    return std::nullopt;
  }
  const auto host = Host::parse(send, kDefaultPort);
  if (host) return *host;
  options.error("send", in_quotes(send) +
                            " is neither an address nor a name, with a port or without, nor an absolute path "
                            "(try 127.0.0.1:5514 or /dev/log)");
  return std::nullopt;
}

// Whatever it sends there it hears itself, and no relay is asked.
void refuse_own_port(Options& options, const SyslogPlan& plan, const Host& host) {
  if (!host.address || host.port != plan.listen.port || plan.transport != plan.listen_transport) return;
  const auto& bytes = plan.listen.ip.bytes();
  const bool everywhere = std::all_of(bytes.begin(), bytes.end(), [](auto octet) { return octet == 0; });
  if (*host.address != plan.listen.ip && !everywhere) return;
  options.error("send", host.to_string() + " is where the probe itself listens: it would hear itself");
}

std::unique_ptr<Probe> create_syslog(EventLoop& loop, Options& options) {
  constexpr std::uint16_t kDefaultListen = 5515;
  SyslogPlan plan;
  plan.transport = read_transport(options, "transport");
  plan.listen_transport = read_transport(options, "listen_transport");
  if (const auto listen = options.servers("listen", kDefaultListen); !listen.empty()) {
    plan.listen = listen.front();
  }
  const auto host = read_send(options, plan);
  if (host) refuse_own_port(options, plan, *host);
  plan.rfc5424 = options.text("format") == "rfc5424";
  plan.counted = options.text("framing") == "octet-counting";
  if (options.given("framing") && host && plan.transport != Protocol::tcp) {
    options.error("framing", "is of lines over tcp, but \"transport\" is udp");
  }
  plan.line.priority = 8 * index_of(kSyslogFacilities, options.text("facility")) +
                       index_of(kSyslogSeverities, options.text("severity"));
  plan.line.host = read_field(options, "hostname", 255, "");
  if (!plan.path.empty() && !plan.rfc5424) plan.line.host.clear();
  plan.line.tag = read_field(options, "tag", 32, ":[]");
  plan.source = read_source(options, host ? std::vector{*host} : std::vector<Host>());
  plan.device = read_device(options);
  if (options.failed()) return nullptr;
  return std::make_unique<SyslogProbe>(loop, plan, host);
}

constexpr const char* kEdit = "\"send\" is where lines go in, \"listen\" where they come out again";
constexpr const char* kWants = "a rule of the relay that sends the probe's lines back: syslog-probe(8)";

constexpr UsualPlace kSyslogPlaces[] = {
    {.port = 514,
     .name = "syslog",
     .udp = true,
     .tcp = true,
     .whom = "send",
     .with_port = true,
     .tcp_options = R"(, "transport": "tcp")",
     .edit = kEdit,
     .wants = kWants},
    {.port = 601,
     .name = "syslog",
     .tcp = true,
     .whom = "send",
     .with_port = true,
     .options = R"(, "transport": "tcp")",
     .edit = kEdit,
     .wants = kWants},
};

}  // namespace

const ProbePlugin kSyslogProbe{.abi = kPluginAbi,
                               .type = "syslog",
                               .summary = "sends a line to a syslog relay and waits for it to come back",
                               .program = "syslog-probe",
                               .options = kSyslogOptions,
                               .create = create_syslog,
                               .found_at = kSyslogPlaces};

}  // namespace anyprobe
