#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "anyprobe_features.hpp"
#include "doctor_host.hpp"
#include "instance_lock.hpp"
#include "instance_state.hpp"

namespace anyprobe {
namespace {

namespace fs = std::filesystem;

// "CapBnd:\t000001ffffffffff"
void read_status(HostFacts& facts, std::vector<std::string>& unseen) {
  std::ifstream in("/proc/self/status");
  bool bounding = false;
  for (std::string key, value; in >> key && std::getline(in, value);) {
    if (key == "CapBnd:") {
      facts.bounding = std::strtoull(value.c_str(), nullptr, 16);
      bounding = true;
    }
    if (key == "CapEff:") {
      const auto effective = std::strtoull(value.c_str(), nullptr, 16);
      facts.one_user = !facts.root && (effective >> CAP_NET_ADMIN & 1U) != 0;
    }
    if (key == "NoNewPrivs:") facts.no_new_privs = std::strtol(value.c_str(), nullptr, 10) == 1;
  }
  if (!bounding) unseen.emplace_back("capabilities: /proc/self/status cannot be read");
}

// The folder of the process in /proc; empty where none runs.
std::string process_of(const fs::path& pid_file) {
  long pid = 0;
  if (!(std::ifstream(pid_file) >> pid) || pid <= 0) return {};
  auto folder = "/proc/" + std::to_string(pid);
  return fs::exists(folder + "/comm") ? folder : std::string();
}

// The keeper makes the file, and who is not root cannot have a prober of other groups than its own.
bool lacks_frrvty(const fs::path& pid_file, const std::string& process) {
  const group* asks = getgrnam("frrvty");
  struct stat made {};
  if (asks == nullptr || stat(pid_file.c_str(), &made) != 0 || made.st_uid == 0) return false;
  std::ifstream in(process + "/status");
  for (std::string line; std::getline(in, line);) {
    const bool own = line.starts_with("Gid:");
    if (!own && !line.starts_with("Groups:")) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (gid_t one = 0; words >> one;) {
      if (one == asks->gr_gid) return false;
    }
    if (!own) return true;
  }
  return false;
}

void read_instances(const std::string& run_dir, HostFacts& facts, std::vector<std::string>& unseen) {
  std::error_code error;
  for (fs::directory_iterator it(run_dir, error), end; !error && it != end; it.increment(error)) {
    const auto& path = it->path();
    if (path.extension() != kPidEnding) continue;
    const auto process = process_of(path);
    if (process.empty()) continue;
    const auto name = path.stem().string();
    if (lacks_frrvty(path, process)) facts.not_in_frrvty.push_back(name);
    const auto state = load_state(run_dir, name);
    if (state)
      facts.held[name] = state->advertisements;
    else
      unseen.push_back("what " + name + " holds: " + state.error());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    unseen.push_back(run_dir + ": " + error.message());
}

}  // namespace

bool runs_here(std::string_view name) {
  std::error_code error;
  const auto ours = fs::read_symlink("/proc/self/ns/net", error);
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const auto folder = it->path().string();
    std::string comm;
    if (std::ifstream in(folder + "/comm"); !std::getline(in, comm) || comm != name) continue;
    std::error_code hidden;
    const auto theirs = fs::read_symlink(folder + "/ns/net", hidden);
    if (hidden || theirs == ours)
      return true;  // whom we may not look into is more likely here than elsewhere
  }
  return false;
}

void look_at_host(const std::string& root, const std::string& run_dir, HostFacts& facts,
                  std::vector<std::string>& unseen) {
  facts.root = geteuid() == 0;
  read_status(facts, unseen);
  facts.seccomp_built = ANYPROBE_WITH_LIBSECCOMP != 0;
  facts.seccomp_in_kernel = prctl(PR_GET_SECCOMP) >= 0;
  utsname name{};
  if (uname(&name) == 0) facts.release = name.release;
  timex clock{};
  if (adjtimex(&clock) >= 0)
    facts.clock_synchronised = (clock.status & STA_UNSYNC) == 0;
  else
    unseen.push_back(std::string("the clock: ") + std::strerror(errno));
  facts.networkd_runs = runs_here("systemd-network");
  facts.networkd = read_networkd(root);
  read_instances(run_dir, facts, unseen);
}

}  // namespace anyprobe
