#include "withdraw_command.hpp"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "exit_codes.hpp"
#include "instance_lock.hpp"
#include "instance_state.hpp"
#include "privileges.hpp"
#include "routing/clear.hpp"
#include "routing/netlink_table.hpp"

namespace anyprobe {
namespace {

namespace fs = std::filesystem;

// What the files of the run-dir say. An instance that does not run cannot begin to while its lock is ours.
struct Instances {
  std::vector<Advertisement> spared;
  std::vector<Advertisement> left;
  std::map<std::string, InstanceState> states;  // whose advertisements are forgotten once they are gone
  std::vector<std::unique_ptr<InstanceLock>> locks;
  std::vector<std::string> wrong;
  bool unknown = false;  // one runs, and what it holds cannot be told
};

void add(const std::string& run_dir, const std::string& name, bool hand_over, Instances& out) {
  InstanceLock::Failure failure;
  auto lock = InstanceLock::acquire(run_dir, name, failure);
  const auto state = load_state(run_dir, name);
  if (lock == nullptr && (!state || state->advertisements.empty())) {
    out.unknown = true;
    out.wrong.push_back(failure.what + ", and what it holds is not known: " +
                        (state ? state_path(run_dir, name) + " is missing" : state.error()));
    return;
  }
  if (!state) {
    out.wrong.push_back(state.error());
    return;
  }
  const bool spare = lock == nullptr || (hand_over && state->handed_over_until > Clock::now());
  auto& list = spare ? out.spared : out.left;
  list.insert(list.end(), state->advertisements.begin(), state->advertisements.end());
  if (spare) return;
  out.states.emplace(name, *state);
  out.locks.push_back(std::move(lock));
}

std::set<std::string> find_names(const std::string& run_dir) {
  std::set<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(run_dir, error), end; !error && it != end; it.increment(error)) {
    const auto file = it->path().filename().string();
    for (const auto ending : {kStateEnding, kPidEnding}) {
      if (file.ends_with(ending)) names.insert(file.substr(0, file.size() - ending.size()));
    }
  }
  return names;
}

// A hand-over is to a next run, which what failed to become one is not.
bool hand_over_counts(const CommandLine& line) {
  return line.after.empty() || line.after == "success";
}

// Of one instance: whatever may be another's is spared, whether that runs or not.
Instances look_at(const CommandLine& line, const std::set<std::string>& names) {
  Instances out;
  for (const auto& name : names) {
    if (name == line.name) continue;
    const auto state = load_state(line.run_dir, name);
    if (!state) continue;
    out.spared.insert(out.spared.end(), state->advertisements.begin(), state->advertisements.end());
  }
  if (names.contains(line.name)) add(line.run_dir, line.name, hand_over_counts(line), out);
  return out;
}

Instances look_around(const CommandLine& line) {
  const auto names = find_names(line.run_dir);
  if (!line.all) return look_at(line, names);
  Instances out;
  for (const auto& name : names) add(line.run_dir, name, true, out);
  return out;
}

}  // namespace

int run_withdraw(const CommandLine& line) {
  const auto complain = [&](const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", line.program.c_str(), what.c_str());
  };
  if (!may_administer_network()) {
    complain("CAP_NET_ADMIN is needed to change addresses (start as root)");
    return kNoPermission;
  }
  const auto instances = look_around(line);
  for (const auto& text : instances.wrong) complain(text);
  if (instances.unknown) return kSystem;
  NetlinkTable table;
  const auto result =
      clear_table(table, instances.left, instances.spared, line.all ? ClearWhat::marked : ClearWhat::left);
  for (const auto& text : result.done) std::printf("%s\n", text.c_str());
  for (const auto& text : result.failed) complain(text);
  if (!result.failed.empty()) return kSystem;
  for (const auto& [name, state] : instances.states) {
    const auto wrong = save_state(line.run_dir, name, {{}, {}, state.drained});
    if (!wrong.empty()) complain(wrong);
    unlink((line.run_dir + "/" + name + ".sock").c_str());  // that nobody answers any more
  }
  return instances.wrong.empty() ? kDone : kSystem;
}

}  // namespace anyprobe
