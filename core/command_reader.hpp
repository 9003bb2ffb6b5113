// What a configuration says of commands: whom they run as, hooks, and which options of probes are commands.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "command_table.hpp"
#include "options.hpp"
#include "plugin_table.hpp"

namespace anyprobe {

class ConfigReader;

struct ServiceCommands {
  std::string exec_user;  // empty: whom the prober runs as
  std::vector<std::string> on_up;
  std::vector<std::string> on_down;
  std::chrono::milliseconds hook_timeout{};

  friend bool operator==(const ServiceCommands&, const ServiceCommands&) = default;
};

ServiceCommands read_service_commands(const Options& options);

// Errors of the hooks and of the user in this object, a service or the defaults, as far as they can be known
// before a command is run: by an unprivileged process, which may not see into every folder.
void judge_service_commands(const ConfigReader& object);
// ... and of those options of a probe that are commands.
void judge_probe_commands(const ConfigReader& probe, std::span<const OptionSpec> specs);

// The commands of one service: of its probes in order, then on_up and on_down. The keeper and the prober must
// come to the same list. What is no list of words is left out: who judges the configuration refuses it.
// `deadline`: of the probes' commands. `prober_user`: as whom they run where the service does not say.
void list_commands(const ConfigReader& service, const std::string& name, const ServiceCommands& settings,
                   std::chrono::milliseconds deadline, const std::string& prober_user,
                   const PluginTable& plugins, std::vector<CommandSpec>& out);

// Where a probe's options are: "probe", "probes[1]".
std::string place_of_probe(bool several, std::size_t index);

}  // namespace anyprobe
