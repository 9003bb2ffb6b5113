// The configuration as plain values, and how it is read.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "advertisement.hpp"
#include "config_reader.hpp"
#include "health.hpp"
#include "log.hpp"
#include "options.hpp"
#include "plugin_table.hpp"
#include "probe.hpp"
#include "schedule.hpp"

namespace anyprobe {

struct ServiceConfig {
  std::string name;
  SchedulePolicy schedule;
  Duration timeout{};
  HealthPolicy health;
  std::vector<std::unique_ptr<Probe>> probes;  // empty where ConfigContext::running said that they stay
  std::size_t need = 1;                        // how many of the probes must pass
  std::string asks;                            // two services of the same `asks` have the same probes
  std::vector<Advertisement> advertise;
};

struct Config {
  std::vector<ServiceConfig> services;
  std::string user;     // whom the prober runs as; empty: anyprobe, else nobody
  std::string plugins;  // the folder of modules; empty: none
  LogSettings log;
};

struct ConfigContext {
  // Without a loop, probes and the plugins' folder are not looked at: the keeper reads what is announced, no
  // more.
  EventLoop* loop = nullptr;
  PluginTable* plugins = nullptr;
  // What the running service of that name asks, if it asks just that already: then its probes are not made
  // again.
  std::function<const std::vector<Endpoint>*(const std::string& name, const std::string& asks)> running;
  bool needs_advertisements = true;
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
std::span<const OptionSpec> advertisement_options();
std::span<const OptionSpec> top_options();
std::span<const OptionSpec> log_options();

// The configuration as it was understood, defaults filled in, as JSON.
nlohmann::ordered_json describe(const Config& config);

}  // namespace anyprobe
