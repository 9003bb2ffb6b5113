#include "doctor_command.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "check.hpp"
#include "doctor_host.hpp"
#include "exit_codes.hpp"
#include "privileges.hpp"
#include "routing/doctor_frr.hpp"
#include "routing/doctor_network.hpp"

namespace anyprobe {
namespace {

std::vector<Patient> patients_of(const Config& config) {
  std::vector<Patient> out;
  for (const auto& service : config.services) {
    Patient one{service.name, {service.served().begin(), service.served().end()}, {}, service.linger};
    for (const auto& probe : service.probes) {
      if (!probe) continue;
      for (auto& endpoint : probe->endpoints()) one.asks.push_back(std::move(endpoint));
    }
    out.push_back(std::move(one));
  }
  return out;
}

// What runs without this configuration, as a NAME-probe of rc.local does: what it holds is known, whom it
// asks is not.
void add_running(const HostFacts& host, std::vector<Patient>& patients) {
  const auto known = patients;
  for (const auto& [instance, held] : host.held) {
    Patient one{instance, {}, {}};
    for (const auto& what : held) {
      const bool configured = std::any_of(known.begin(), known.end(), [&](const auto& patient) {
        return std::find(patient.advertise.begin(), patient.advertise.end(), what) != patient.advertise.end();
      });
      if (!configured) one.advertise.push_back(what);
    }
    if (!one.advertise.empty()) patients.push_back(std::move(one));
  }
}

std::string vtysh_for(std::string vty_dir) {
  while (vty_dir.size() > 1 && vty_dir.ends_with('/')) vty_dir.pop_back();
  const std::string usual = kVtyDir;
  if (vty_dir == usual) return "vtysh";
  const auto name = vty_dir.starts_with(usual + "/") ? vty_dir.substr(usual.size() + 1) : std::string();
  if (!name.empty() && name.find('/') == std::string::npos) return "vtysh -N " + shell_word(name);
  return "vtysh --vty_socket " + shell_word(vty_dir);
}

// What FRR ought to announce now: our addresses, and the networks of the links that are up.
std::set<Prefix> present(const NetworkFacts& network) {
  std::set<Prefix> out;
  for (const auto& address : network.addresses) {
    if (address.ours) out.insert(address.prefix);
  }
  std::set<std::string_view> up;
  for (const auto& link : network.links) {
    if (link.up) up.insert(link.name);
  }
  for (const auto& patient : network.patients) {
    for (const auto& what : patient.advertise) {
      if (what.kind != Advertisement::Kind::link || !up.contains(what.interface.view())) continue;
      for (const auto& address : network.addresses) {
        if (address.interface == what.interface.view())
          out.insert({address.prefix.network(), address.prefix.length});
      }
    }
  }
  return out;
}

}  // namespace

int run_doctor(const CommandLine& line, PluginTable& plugins) {
  EventLoop loop;
  Report report;
  HostFacts host;
  host.config_path = line.config.empty() ? std::string(kConfigFolder) + "/anyprobe.json" : line.config;
  std::string vty_dir = line.vty_dir.empty() ? kVtyDir : line.vty_dir;
  std::string user;
  host.configured = !line.config.empty() || std::filesystem::exists(host.config_path);
  if (host.configured) {
    ConfigErrors errors;
    const auto config = load_configuration(line, loop, plugins, errors);
    host.config_errors = errors.lines();
    if (config) {
      host.patients = patients_of(*config);
      host.has_commands = !config->commands.commands.empty();
      user = config->user;
      if (line.vty_dir.empty()) vty_dir = config->vty_dir;
    } else {
      report.unseen.emplace_back("services: the configuration is wrong");
    }
  }
  if (const auto found = find_prober_user(user); !found) host.user_error = found.error();
  look_at_host(line.root, line.run_dir, host, report.unseen);
  add_running(host, host.patients);
  if (!host.root) report.unseen.emplace_back("what only root may look at: run it as root");

  NetworkFacts network;
  network.patients = host.patients;
  look_at_network(network, report.unseen);

  FrrFacts frr;
  frr.patients = patients_by_prefix(network);
  frr.vtysh = vtysh_for(vty_dir);
  frr.present = present(network);
  // The second is BIRD 1's of IPv6.
  frr.other_daemon = runs_here("bird") || runs_here("bird6");
  if (frr.other_daemon)
    report.unseen.emplace_back(
        "what BIRD, which runs here, lets out: its filters cannot be judged; "
        "`anyprobe frr-config --style bird` prints what it needs, and `birdc show ospf state` has under this "
        "router what it announces");
  look_at_frr(loop, vty_dir, frr, report.unseen);

  examine(host_checks(), host, report);
  examine(network_checks(), network, report);
  examine(frr_checks(), frr, report);
  sort_by_gravity(report);
  std::fputs((line.as_json ? report_json(report) + "\n" : report_text(report)).c_str(), stdout);
  if (std::fflush(stdout) != 0) {
    std::fprintf(stderr, "%s: the findings cannot be written\n", line.program.c_str());
    return kSystem;
  }
  return report_code(report);
}

}  // namespace anyprobe
