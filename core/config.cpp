#include "config.hpp"

#include <algorithm>
#include <set>

#include "advertise_reader.hpp"
#include "config_reader.hpp"
#include "duration.hpp"
#include "privileges.hpp"
#include "section_reader.hpp"
#include "shared_probes.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

using json = nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr std::string_view kServiceKeys[] = {"name", "probe", "probes", "require", "advertise", "damping"};
constexpr std::string_view kTopKeys[] = {"services", "defaults", "log", "frr", "metrics", "agent", "$schema"};
constexpr std::string_view kDampingKey[] = {"damping"};
constexpr std::size_t kMostServices = 20000;
// Each renewal of an address costs us and the routing daemons something, so many are renewed less often.
constexpr std::size_t kManyAddresses = 100;
constexpr std::chrono::seconds kLeastLease(3);
constexpr std::chrono::seconds kLeastLeaseOfMany(15);
constexpr std::chrono::seconds kLongestLinger(10);  // where FRR does not stop announcing
// The prober gives up a command at its timeout; the runner kills one that is still there a while after that.
constexpr milliseconds kKillMargin{1000};

milliseconds in_ms(Duration duration) {
  return std::chrono::duration_cast<milliseconds>(duration);
}

class Loader {
 public:
  Loader(const ConfigContext& context, ConfigErrors& errors) : context_(context), errors_(errors) {}

  Config load(std::span<const ConfigDocument> documents) {
    for (const auto& document : documents) read_top({document, errors_});
    const bool any = std::any_of(documents.begin(), documents.end(), [](const auto& document) {
      return document.root.is_object() && document.root.contains("services");
    });
    if (!any && !documents.empty() && errors_.empty()) {
      ConfigReader(documents.front(), errors_).error("lacks \"services\"");
    }
    for (const auto& document : documents) {
      const ConfigReader services = ConfigReader(document, errors_).at("services");
      if (services.value().is_null() || !services.expect_array()) continue;
      for (const auto& service : services.items()) read_service(service);
    }
    fill_in_leases();
    config_.commands.log = config_.log;
    if (config_.services.size() > kMostServices) {
      errors_.add("more than " + std::to_string(kMostServices) + " services");
    }
    return std::move(config_);
  }

 private:
  void read_top(const ConfigReader& top) {
    if (!top.expect_object()) return;
    const Options options(top, top_options(), kTopKeys);
    if (options.given("user")) {
      config_.user = options.text("user");
      if (const auto user = find_prober_user(config_.user); !user) top.at("user").error(user.error());
    }
    if (options.given("lsa_spacing")) config_.lsa_spacing = options.duration("lsa_spacing");
    if (options.given("lsa_flooding")) config_.lsa_flooding = options.duration("lsa_flooding");
    if (options.given("max_running"))
      config_.commands.max_running = static_cast<std::uint32_t>(options.integer("max_running"));
    if (options.given("plugins")) config_.plugins = options.text("plugins");
    const bool loads = context_.loop != nullptr && context_.part != ProberPart::built_in;
    if (options.given("plugins") && context_.plugins != nullptr && loads) {
      for (const auto& line : context_.plugins->load_folder(options.text("plugins"))) {
        top.at("plugins").error(line);
      }
    }
    read_sections(top, config_);
    has_agent_ = top.has("agent");  // also one whose address is wrong, which is error enough
    if (top.has("defaults") && top.at("defaults").expect_object()) read_defaults(top.at("defaults"));
  }

  void read_defaults(const ConfigReader& defaults) {
    const Options options(defaults, service_options(), kDampingKey);
    for (const auto& spec : service_options()) {
      if (options.given(spec.name)) defaults_[spec.name] = defaults.at(spec.name).value();
    }
    if (context_.loop != nullptr) judge_service_commands(defaults);
    if (!defaults.has("damping")) return;
    const auto before = errors_.size();
    read_damping(defaults.at("damping"));
    if (errors_.size() == before) defaults_["damping"] = defaults.at("damping").value();
  }

  std::optional<DampingPolicy> read_damping(const ConfigReader& value) {
    if (value.value().is_null() || value.value() == json(false)) return std::nullopt;
    static const json kAllDefaults = json::object();
    const bool plain = value.value() == json(true);
    const Options options(plain ? value.with_value(kAllDefaults) : value, damping_options());
    DampingPolicy policy;
    policy.penalty = static_cast<double>(options.integer("penalty"));
    policy.suppress = static_cast<double>(options.integer("suppress"));
    policy.reuse = static_cast<double>(options.integer("reuse"));
    policy.half_life = options.duration("half_life");
    policy.maximum = options.duration("maximum");
    if (!options.failed() && policy.reuse >= policy.suppress) {
      value.at("reuse").error("is not below suppress (" + std::to_string(options.integer("suppress")) + ")");
    }
    return policy;
  }

  // What depends on how many addresses there are altogether.
  void fill_in_leases() {
    std::size_t addresses = 0;
    for (const auto& service : config_.services) {
      addresses += static_cast<std::size_t>(
          std::count_if(service.advertise.begin(), service.advertise.end(),
                        [](const auto& one) { return one.kind == Advertisement::Kind::address; }));
    }
    const auto least = addresses < kManyAddresses ? kLeastLease : kLeastLeaseOfMany;
    for (auto& service : config_.services) {
      const auto& interval = service.schedule.interval;
      if (service.lease == std::chrono::seconds::zero())
        service.lease = std::max(least, std::chrono::ceil<std::chrono::seconds>(3 * interval));
      if (service.health.stale_after == Duration::zero())
        service.health.stale_after =
            std::max<Duration>(service.lease, service.health.fall * interval + service.timeout);
    }
  }

  void read_service(const ConfigReader& service) {
    if (!service.expect_object()) return;
    json merged;
    if (!defaults_.empty()) {
      merged = service.value();
      merged.insert(defaults_.begin(), defaults_.end());  // what is there already stays
    }
    const auto reader = defaults_.empty() ? service : service.with_value(merged);

    ServiceConfig out;
    out.name = read_name(service);
    Options options(reader, service_options(), kServiceKeys);
    read_times(options, reader, out);
    if (reader.has("damping")) out.health.damping = read_damping(reader.at("damping"));
    auto commands = read_service_commands(options);
    const bool as_before = !config_.services.empty() && *config_.services.back().commands == commands;
    out.commands = as_before ? config_.services.back().commands
                             : std::make_shared<const ServiceCommands>(std::move(commands));
    if (context_.loop != nullptr) judge_service_commands(service);
    read_advertisements(service, out);
    if (options.has("drain_token")) out.has_token = advertise_.read_token(options, out.name, out.advertise);
    if (!context_.prepares) config_.probed.emplace_back();
    read_probes(service, out);
    if (context_.plugins != nullptr) {
      list_commands(service, out.name, *out.commands, in_ms(out.timeout) + kKillMargin, config_.user,
                    *context_.plugins, config_.commands.commands);
    }
    config_.services.push_back(std::move(out));
  }

  std::string read_name(const ConfigReader& service) {
    if (!service.has("name")) {
      service.error("lacks \"name\"");
      return {};
    }
    const auto name = service.at("name");
    if (!name.value().is_string()) {
      name.error(shown(name.value()) + " is no text (try \"...\")");
      return {};
    }
    auto text = name.value().get<std::string>();
    if (const auto wrong = wrong_with_name(text); !wrong.empty()) {
      name.error(wrong);
      return {};
    }
    if (!names_.insert(text).second) name.error(in_quotes(text) + " names another service already");
    return text;
  }

  static void read_times(Options& options, const ConfigReader& reader, ServiceConfig& out) {
    out.health.rise = static_cast<unsigned>(options.integer("rise"));
    out.health.fall = static_cast<unsigned>(options.integer("fall"));
    out.health.hold_down = options.duration("hold_down");
    out.lingers_until_shown = !options.has("linger");
    out.linger = out.lingers_until_shown ? kLongestLinger : options.duration("linger");
    out.last_instance.min_peers = static_cast<unsigned>(options.integer("min_peers"));
    const auto on_close = std::find(std::begin(kOnClose), std::end(kOnClose), options.text("on_close"));
    if (on_close != std::end(kOnClose)) out.on_close = static_cast<OnClose>(on_close - kOnClose);
    out.last_instance.keeps_dead = options.text("last_resort") == "keep";
    const auto interval = options.duration("interval");
    const auto timeout =
        options.has("timeout") ? options.duration("timeout") : std::min(milliseconds(800), interval * 4 / 5);
    const auto fast = options.has("fast_interval") ? options.duration("fast_interval")
                                                   : std::max(interval / 10, milliseconds(10));
    const auto least_stale = interval + timeout;
    const auto stale = options.has("stale_after") ? options.duration("stale_after") : milliseconds::zero();
    const auto lease = options.has("lease") ? options.duration("lease") : milliseconds::zero();
    out.lease = std::chrono::duration_cast<std::chrono::seconds>(lease);
    out.schedule = {.interval = interval, .fast_interval = fast};
    out.timeout = timeout;
    out.health.stale_after = stale;
    if (reader.errors().size() != 0 && options.failed()) return;
    if (timeout > interval) {
      options.error("timeout",
                    format_duration(timeout) + " is above the interval (" + format_duration(interval) + ")");
    }
    if (fast > interval) {
      options.error("fast_interval",
                    format_duration(fast) + " is above the interval (" + format_duration(interval) + ")");
    }
    if (lease != out.lease)
      options.error("lease",
                    format_duration(lease) + " is no whole number of seconds, which the kernel counts in");
    if (options.has("stale_after") && stale < least_stale) {
      options.error("stale_after", format_duration(stale) + " is below interval and timeout together (" +
                                       format_duration(least_stale) +
                                       "): a service that answers would be stale");
    }
  }

  void read_advertisements(const ConfigReader& service, ServiceConfig& out) {
    const auto list = service.at("advertise");
    if (list.value().is_null()) {
      if (context_.needs_advertisements) service.error("lacks \"advertise\": there is nothing to announce");
      return;
    }
    if (!list.expect_array()) return;
    const bool tells = has_agent_ || !out.commands->on_up.empty() || !out.commands->on_down.empty();
    if (list.value().empty() && context_.needs_advertisements && !tells)
      list.error("is empty: there is nothing to announce");
    out.advertise = advertise_.read(list, out.name);
  }

  void read_probes(const ConfigReader& service, ServiceConfig& out) {
    const bool several = service.has("probes");
    if (several == service.has("probe")) {
      service.error(several ? "has both \"probe\" and \"probes\"" : "lacks \"probe\"");
      return;
    }
    const auto value = service.at(several ? "probes" : "probe");
    if (several && (!value.expect_array() || value.value().empty())) {
      if (value.value().is_array()) value.error("is empty: there is nothing to ask");
      return;
    }
    const auto list = value.items();
    out.need = read_require(service, list.size());
    if (std::any_of(list.begin(), list.end(), [this](const auto& item) { return is_of_module(item); }))
      out.part = ProberPart::modules;
    if (context_.loop == nullptr) return;
    if (context_.part == ProberPart::built_in && out.part == ProberPart::modules) return;
    const bool own = context_.part == ProberPart::whole || context_.part == out.part;
    out.shared = read_shared(value, several);

    out.types = types_of_probes(list);
    out.asks = digest_of_probes(value);
    if (!context_.prepares) config_.probed.back() = without_secrets(value.value()).dump();
    if (const auto* endpoints = context_.running ? context_.running(out.name, out.asks) : nullptr) {
      refuse_endpoints(value, *endpoints, out);
      return;
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (auto probe = read_probe(list[i], {out.name, place_of_probe(several, i)}, own)) {
        refuse_endpoints(list[i], probe->endpoints(), out);
        if (own) out.probes.push_back(std::move(probe));
      }
    }
  }

  // Of a type that is not built in, where there is a folder that may have it.
  [[nodiscard]] bool is_of_module(const ConfigReader& probe) const {
    if (config_.plugins.empty() || context_.plugins == nullptr || !probe.value().is_object()) return false;
    const auto type = probe.value().find("type");
    return type != probe.value().end() && type->is_string() &&
           !context_.plugins->is_built_in(type->get_ref<const std::string&>());
  }

  [[nodiscard]] json without_secrets(json value) const {
    if (value.is_array()) {
      for (auto& item : value) item = without_secrets(std::move(item));
      return value;
    }
    const auto type = value.is_object() && value.contains("type") && value["type"].is_string()
                          ? value["type"].get<std::string>()
                          : std::string();
    const auto* plugin = context_.plugins->find(type);
    if (plugin == nullptr) return value;
    for (const auto& spec : plugin->options) {
      if (spec.kind != OptionKind::secret || !value.contains(spec.name)) continue;
      if (file_reference(value[spec.name]) == nullptr) value[spec.name] = "(not shown)";
    }
    return value;
  }

  static std::size_t read_require(const ConfigReader& service, std::size_t probes) {
    const auto require = service.at("require");
    const auto& value = require.value();
    if (value.is_null() || value == "all") return probes;
    if (value == "any") return 1;
    if (value.is_number_integer() && value >= 1 && value <= probes) return value.get<std::size_t>();
    require.error(shown(value) + " is neither \"all\", \"any\" nor a number from 1 to " +
                  std::to_string(probes));
    return probes;
  }

  std::unique_ptr<Probe> read_probe(const ConfigReader& item, const CommandName& place, bool own) {
    if (!item.expect_object()) return nullptr;
    if (!item.has("type")) {
      item.error("lacks \"type\" (one of " + context_.plugins->types() + ")");
      return nullptr;
    }
    const auto type = item.at("type");
    const auto name = type.value().is_string() ? type.value().get<std::string>() : std::string();
    const auto* plugin = context_.plugins->find(name);
    if (plugin == nullptr) {
      type.error(shown(type.value()) + " " + context_.plugins->why_not(name));
      return nullptr;
    }
    constexpr std::string_view kProbeKeys[] = {"type", "shared"};
    Options options(item, plugin->options, kProbeKeys);
    judge_probe_commands(item, plugin->options);
    options.run_commands_by(context_.commands, place.service, place.place);
    if (options.failed()) return nullptr;
    auto probe = plugin->create(*context_.loop, options);
    if (probe == nullptr && !options.failed()) item.error("cannot be made, and the plugin does not say why");
    if (probe != nullptr && !options.failed() && context_.prepares && own) probe->prepare(options);
    return options.failed() ? nullptr : std::move(probe);
  }

  // The value that has the address in it, or the probe as a whole.
  static ConfigReader option_that_names(const ConfigReader& probe, const IpAddress& ip) {
    if (!probe.value().is_object()) return probe;
    for (auto option = probe.value().begin(); option != probe.value().end(); ++option) {
      for (const auto& item : probe.at(option.key()).items()) {
        if (!item.value().is_string()) continue;
        const auto named = SocketAddress::parse(item.value().get_ref<const std::string&>(), 1);
        if (named && named->ip == ip) return item;
      }
    }
    return probe;
  }

  // While withdrawn, the address is another node's: the probe would ask that one and announce a dead service.
  static void refuse_endpoints(const ConfigReader& probe, const std::vector<Endpoint>& endpoints,
                               const ServiceConfig& service) {
    std::set<IpAddress> seen;  // of several ports of one address, one error is enough
    for (const auto& endpoint : endpoints) {
      if (endpoint.protocol == Protocol::local && !shared_groups().empty())
        probe.error("asks a Unix socket, which a prober with groups of others may not (" +
                    shared_groups().front() + "; see SupplementaryGroups= of the unit)");
      if (endpoint.device == "lo" || !seen.insert(endpoint.address.ip).second) continue;
      for (const auto& advertisement : service.advertise) {
        // What is behind a route is not on this host: it is asked by that very address, as of old.
        if (advertisement.kind != Advertisement::Kind::address) continue;
        if (!advertisement.prefix.contains(endpoint.address.ip)) continue;
        option_that_names(probe, endpoint.address.ip)
            .error("asks " + endpoint.address.ip.to_string() +
                   ", which the service itself announces: while withdrawn, another node would answer (ask "
                   "127.0.0.1 "
                   "or ::1, or set bind_device to \"lo\")");
      }
    }
  }

  const ConfigContext& context_;
  ConfigErrors& errors_;
  Config config_;
  json defaults_ = json::object();
  std::set<std::string> names_;
  bool has_agent_ = false;
  AdvertiseReader advertise_;
};

}  // namespace

std::string wrong_with_name(std::string_view name) {
  const auto odd =
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-");
  const bool good = !name.empty() && name.size() <= 64 && name.front() != '.' && name.front() != '-' &&
                    odd == std::string_view::npos;
  return good
             ? ""
             : in_quotes(name) + " is no name (letters, digits, dot, dash, underscore and colon, at most 64)";
}

std::span<const std::string_view> service_keys() {
  return kServiceKeys;
}
std::span<const std::string_view> top_keys() {
  return kTopKeys;
}

Config load_config(std::span<const ConfigDocument> documents, const ConfigContext& context,
                   ConfigErrors& errors) {
  return Loader(context, errors).load(documents);
}

}  // namespace anyprobe
