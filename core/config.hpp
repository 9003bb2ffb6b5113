// The configuration as plain values, and how it is read.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "address.hpp"
#include "advertisement.hpp"
#include "command_reader.hpp"
#include "command_runner.hpp"
#include "config_errors.hpp"
#include "health.hpp"
#include "last_instance.hpp"
#include "log.hpp"
#include "options.hpp"
#include "plugin_table.hpp"
#include "probe.hpp"
#include "prober_part.hpp"
#include "probes_digest.hpp"
#include "schedule.hpp"
#include "web_address.hpp"

namespace anyprobe {

struct ConfigDocument;

// What the kernel's word that the socket of a service is closed brings about: a question at once, of which a
// refusal decides; a question at once; nothing.
enum class OnClose : std::uint8_t { withdraw, probe, ignore };
inline constexpr const char* kOnClose[] = {"withdraw", "probe", "ignore"};

struct ServiceConfig {
  std::string name;
  SchedulePolicy schedule;
  Duration timeout{};
  std::chrono::seconds lease{};
  Duration linger{};  // at most
  OnClose on_close = OnClose::withdraw;
  bool lingers_until_shown = false;  // only until the routing daemon's database shows it withdrawn
  HealthPolicy health;
  LastInstancePolicy last_instance;
  ProberPart part = ProberPart::built_in;
  // Empty where ConfigContext::running said that they stay, or where they are another prober's.
  std::vector<std::unique_ptr<Probe>> probes;
  std::size_t need = 1;                  // how many of the probes must pass
  std::vector<bool> shared;              // for each of them, also where they are not here: see Tally
  std::string_view types;                // of the probes, "dns+tcp"; lives as long as the program
  ProbesDigest asks{};                   // two services of the same have the same probes
  std::vector<Advertisement> advertise;  // with the token of its drains, which is the last
  bool has_token = false;
  std::shared_ptr<const ServiceCommands> commands;  // many have the same; null where none were read

  // What it announces for its clients.
  [[nodiscard]] std::span<const Advertisement> served() const {
    return std::span(advertise).first(advertise.size() - (has_token ? 1 : 0));
  }
  [[nodiscard]] const Advertisement* token() const { return has_token ? &advertise.back() : nullptr; }
};

// How long what is not configured any more lingers, where that is not said; nobody asks for it any more.
inline constexpr Duration kUsualLinger = std::chrono::seconds(2);

inline constexpr const char* kVtyDir = "/run/frr";

struct Config {
  std::vector<ServiceConfig> services;
  // Of each, the probes as JSON, without secrets; none where they are for a daemon.
  std::vector<std::string> probed;
  std::string user;     // whom the prober runs as; empty: anyprobe, else nobody
  std::string plugins;  // the folder of modules; empty: none
  LogSettings log;
  std::optional<WebAddress> metrics;                       // where they are asked; none: nowhere
  std::string vty_dir = kVtyDir;                           // where FRR's daemons have their vty sockets
  Duration lsa_spacing = std::chrono::milliseconds(1050);  // between changes of a prefix; zero: none
  Duration lsa_flooding = std::chrono::seconds(6);         // until every router has heard of a change
  std::optional<WebAddress> agent;                         // where HAProxy's agent-check is answered
  CommandTable commands;                                   // of all services, in order
};

struct ConfigContext {
  // Without a loop, probes and the plugins' folder are not looked at: the keeper reads what is announced and
  // which commands there are, no more.
  EventLoop* loop = nullptr;
  PluginTable* plugins = nullptr;
  // What the running service of that name asks, if it asks just that already: then its probes are not made
  // again.
  std::function<const std::vector<Endpoint>*(const std::string& name, const ProbesDigest& asks)> running;
  bool needs_advertisements = true;
  // The built-in part takes services with modules as they are. Who has modules judges all, but prepares and
  // keeps the probes of its own part alone.
  ProberPart part = ProberPart::whole;
  bool prepares = false;              // the probes are for a daemon: see Probe::prepare
  CommandRunner* commands = nullptr;  // runs the commands of probes, and outlives them; null: none is started
};

// Empty where a service, and so an instance and its files, may be called so; else what is wrong.
std::string wrong_with_name(std::string_view name);

// Reads the documents in order into one configuration. What is wrong goes to `errors`, all of it; the result
// is good only where there is none.
Config load_config(std::span<const ConfigDocument> documents, const ConfigContext& context,
                   ConfigErrors& errors);

// What a service may say beside name, probe and advertise; `defaults` may say the same.
std::span<const OptionSpec> service_options();
std::span<const OptionSpec> damping_options();
std::span<const OptionSpec> address_options();  // the four kinds of "advertise"
std::span<const OptionSpec> route_options();
std::span<const OptionSpec> link_options();
std::span<const OptionSpec> addresses_from_options();
std::span<const OptionSpec> top_options();
std::span<const OptionSpec> log_options();
std::span<const OptionSpec> frr_options();
std::span<const OptionSpec> metrics_options();
std::span<const OptionSpec> agent_options();
// The keys beside them, of a service and of the whole, whose values are no plain ones.
std::span<const std::string_view> service_keys();
std::span<const std::string_view> top_keys();

// The configuration as it was understood, defaults filled in, as JSON.
nlohmann::ordered_json describe(const Config& config);

}  // namespace anyprobe
