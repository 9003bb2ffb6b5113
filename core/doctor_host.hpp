// What the doctor looks at of the host itself and of the configuration: no network is asked for it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "doctor.hpp"
#include "networkd_files.hpp"

namespace anyprobe {

struct HostFacts {
  std::vector<std::string> config_errors = {};
  bool configured = true;  // there is a configuration, be it a wrong one
  std::string config_path = {};
  std::vector<Patient> patients = {};
  bool has_commands = false;  // of probes, or hooks

  bool root = true;
  bool one_user = false;  // not root, and has CAP_NET_ADMIN, which is all that it would run with
  std::uint64_t bounding = ~std::uint64_t{0};  // capabilities, a bit each
  bool no_new_privs = false;
  bool seccomp_built = true;
  std::string seccomp_error = {};  // why the prober's system calls cannot be limited
  std::string user_error = {};     // why there is no user that the prober could run as
  std::string release = "6.1";     // of the kernel, as uname(2) has it
  std::optional<bool> clock_synchronised = {};

  bool networkd_runs = false;
  NetworkdSettings networkd = {};
  std::vector<std::string> interfaces = {};  // but for loopback ones

  std::map<std::string, std::vector<Advertisement>> held = {};  // by each instance of the run-dir that runs
  std::vector<std::string> not_in_frrvty = {};  // those of them that are not root's and cannot ask FRR
};

[[nodiscard]] std::span<const Check<HostFacts>> host_checks();

// Looks at this process and this host; the fields of the configuration are left as they are. `root`: where
// etc, run and usr are, empty for the host's own. What cannot be told goes to `unseen`.
void look_at_host(const std::string& root, const std::string& run_dir, HostFacts& facts,
                  std::vector<std::string>& unseen);

// Whether a process of this name (15 letters) runs in the network namespace of ours.
[[nodiscard]] bool runs_here(std::string_view name);

}  // namespace anyprobe
