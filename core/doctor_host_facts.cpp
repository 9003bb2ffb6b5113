#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "anyprobe_features.hpp"
#include "descriptor.hpp"
#include "doctor_host.hpp"
#include "instance_lock.hpp"
#include "instance_state.hpp"
#include "seccomp_filter.hpp"

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

// Empty, or why a prober cannot be confined here. Tried by a child, since it is for good.
std::string why_not_confined() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    const auto wrong = confine(Profile::built_in, {});
    const bool told =
        wrong.empty() || write(to.get(), wrong.data(), wrong.size()) == static_cast<ssize_t>(wrong.size());
    _exit(told ? 0 : 1);
  }
  to.reset();
  if (child < 0) return {};
  std::string out;
  char buffer[256];
  for (ssize_t got = 0; (got = read(from.get(), buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(got));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (out.empty() && status != 0) return "a process does not outlive the limits of its system calls";
  return out;
}

std::vector<std::string> interfaces() {
  std::vector<std::string> out;
  const std::unique_ptr<struct if_nameindex, decltype(&if_freenameindex)> all(if_nameindex(),
                                                                              &if_freenameindex);
  for (const auto* one = all.get(); one != nullptr && one->if_index != 0; ++one) {
    if (std::string_view(one->if_name) != "lo") out.emplace_back(one->if_name);
  }
  return out;
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
  facts.seccomp_error = why_not_confined();
  utsname name{};
  if (uname(&name) == 0) facts.release = name.release;
  timex clock{};
  if (adjtimex(&clock) >= 0)
    facts.clock_synchronised = (clock.status & STA_UNSYNC) == 0;
  else
    unseen.push_back(std::string("the clock: ") + std::strerror(errno));
  facts.networkd_runs = runs_here("systemd-network");
  facts.networkd = read_networkd(root);
  facts.interfaces = interfaces();
  read_instances(run_dir, facts, unseen);
}

}  // namespace anyprobe
