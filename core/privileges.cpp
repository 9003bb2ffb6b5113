#include "privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "anyprobe_features.hpp"
#include "control_socket.hpp"
#include "text.hpp"

#if ANYPROBE_WITH_LIBCAP_NG
#include <cap-ng.h>
#endif

namespace anyprobe {
namespace {

std::string failed(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

Outcome<User> find_user(const std::string& name) {
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return Error{"there is no user " + in_quotes(name)};
  return User{name, entry->pw_uid, entry->pw_gid};
}

// Of FRR's vty sockets.
constexpr const char* kVtyGroup = "frrvty";

bool one_user = false;

std::string login_of(uid_t uid) {
  const passwd* entry = getpwuid(uid);
  return entry == nullptr ? std::to_string(uid) : entry->pw_name;
}

// Of one user: himself alone, whom no name stands for too.
Outcome<User> find_himself(const std::string& name) {
  const User own{login_of(geteuid()), geteuid(), getegid()};
  if (name.empty()) return own;
  const auto named = find_user(name);
  if (!named) return Error{named.error()};
  if (named->uid == own.uid) return own;
  return Error{in_quotes(name) + " is another user than " + in_quotes(own.name) +
               ", as whom this was started: only what root starts can become somebody else"};
}

Outcome<User> find_user_but_root(const std::string& name) {
  auto user = find_user(name);
  if (user && user->uid == 0) return Error{in_quotes(name) + " is root: the prober must not be"};
  return user;
}

}  // namespace

Outcome<User> find_prober_user(const std::string& name) {
  if (one_user) return find_himself(name);
  if (!name.empty()) return find_user_but_root(name);
  auto own = find_user_but_root("anyprobe");
  return own ? std::move(own) : find_user_but_root("nobody");
}

Outcome<User> find_command_user(const std::string& name) {
  if (one_user) return find_himself(name);
  return name.empty() ? find_prober_user(name) : find_user(name);
}

std::vector<gid_t> groups_of(const User& user) {
  std::vector<gid_t> out(64);
  for (;;) {
    int count = static_cast<int>(out.size());
    const bool all = getgrouplist(user.name.c_str(), user.gid, out.data(), &count) >= 0;
    const auto needed = static_cast<std::size_t>(count);
    if (!all && needed <= out.size()) return {user.gid};
    out.resize(needed);
    if (all) return out;
  }
}

namespace {

std::vector<gid_t> own_groups() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(count, 0)));
  return groups;
}

std::vector<std::string> other_groups;

}  // namespace

void stay_one_user() {
  one_user = true;
  other_groups.clear();
  const passwd* himself = getpwuid(geteuid());
  const auto own = himself == nullptr ? static_cast<gid_t>(-1) : himself->pw_gid;
  auto groups = own_groups();
  groups.push_back(getegid());  // Group= of a unit may be any
  for (const auto gid : groups) {
    const group* entry = getgrgid(gid);
    const auto name = entry == nullptr ? std::to_string(gid) : std::string(entry->gr_name);
    const bool is_for_it = (gid == own && name != kVtyGroup) || name == kControlGroup;
    const bool known = std::find(other_groups.begin(), other_groups.end(), name) != other_groups.end();
    if (!is_for_it && !known) other_groups.push_back(name);
  }
}

bool is_one_user() {
  return one_user;
}

const std::vector<std::string>& shared_groups() {
  return other_groups;
}

namespace {

void join(const char* name) {
  const group* wanted = getgrnam(name);
  if (wanted == nullptr) return;
  auto groups = own_groups();
  if (std::find(groups.begin(), groups.end(), wanted->gr_gid) != groups.end()) return;
  groups.push_back(wanted->gr_gid);
  static_cast<void>(setgroups(groups.size(), groups.data()));
}

void join_groups() {
  // Whoever is in it may ask FRR's daemons; no capability that the keeper has opens their sockets. Where
  // there is no such group, or it cannot be joined, nothing is asked.
  join(kVtyGroup);
  // Who owns a file may give it to a group of his own without CAP_CHOWN.
  join(kControlGroup);
}

}  // namespace

namespace {

// What is below /proc/PID is root's from then on, and nobody else of the user's may trace it, read its memory
// or take its descriptors, whatever he lacks or has. It ends with an exec.
std::string forbid_dumps() {
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 ? std::string() : failed("not to be dumped");
}

}  // namespace

#if ANYPROBE_WITH_LIBCAP_NG

bool may_administer_network() {
  capng_clear(CAPNG_SELECT_ALL);
  return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) != 0;
}

namespace {

// Of one user: who need not become, signal or lower another has no use for the rest of what root's keeper
// has.
constexpr unsigned int kKeepersOfOneUser[] = {CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_DAC_READ_SEARCH};

// Leaves of what it has only what is in `kept`. It may be that capset(2) itself is refused, as it is to a
// unit without @privileged; then it is enough that there is nothing to give up.
bool keep_only(std::span<const unsigned int> kept) {
  static_cast<void>(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));  // not before Linux 4.3
  capng_clear(CAPNG_SELECT_ALL);
  if (capng_get_caps_process() != 0) return false;
  std::vector<unsigned int> had;
  bool any_more = false;
  for (unsigned int each = 0; each <= CAP_LAST_CAP; ++each) {
    if (capng_have_capability(CAPNG_PERMITTED, each) == 0) continue;
    const bool is_kept = std::find(kept.begin(), kept.end(), each) != kept.end();
    if (is_kept) had.push_back(each);
    any_more = any_more || !is_kept;
  }
  capng_clear(CAPNG_SELECT_CAPS);
  for (const auto each : had)
    capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED), each);
  return capng_apply(CAPNG_SELECT_CAPS) == 0 || !any_more;
}

void choose_keepers() {
  capng_clear(CAPNG_SELECT_ALL);
  capng_updatev(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET),
                CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_DAC_READ_SEARCH, CAP_KILL, CAP_SETUID, CAP_SETGID,
                CAP_SETPCAP, -1);
}

}  // namespace

std::string limit_keeper() {
  if (geteuid() != 0) {
    stay_one_user();
    if (auto wrong = forbid_dumps(); !wrong.empty()) return wrong;
    return keep_only(kKeepersOfOneUser) ? "" : "the keeper's capabilities cannot be limited";
  }
  join_groups();
  choose_keepers();
  return capng_apply(CAPNG_SELECT_CAPS) == 0 ? "" : "the keeper's capabilities cannot be limited";
}

std::string seal_keeper() {
  choose_keepers();
  // To lower the bounding set takes CAP_SETPCAP. One user gains nothing by it where no file gives him any.
  if (!one_user && capng_apply(CAPNG_SELECT_ALL) != 0) return "the keeper's bounding set cannot be limited";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  return {};
}

namespace {

std::string drop_capabilities() {
  return keep_only({}) ? std::string() : "the prober's capabilities cannot be dropped";
}

}  // namespace

#else

bool may_administer_network() {
  return geteuid() == 0;
}

std::string limit_keeper() {
  join_groups();
  return {};
}
std::string seal_keeper() {
  return {};
}

namespace {

// Without libcap-ng: changing from root to another user drops them, and no_new_privs keeps them away.
std::string drop_capabilities() {
  return {};
}

}  // namespace

#endif

std::string limit_runner() {
  if (geteuid() == 0) return {};
  stay_one_user();
  if (auto wrong = drop_capabilities(); !wrong.empty()) return wrong;
  return forbid_dumps();
}

std::string become(const User& user) {
  if (geteuid() == 0) {
    // The bounding set needs CAP_SETPCAP, so it goes while we are still root.
#if ANYPROBE_WITH_LIBCAP_NG
    capng_get_caps_process();
    capng_clear(CAPNG_SELECT_BOUNDS);
    if (capng_apply(CAPNG_SELECT_BOUNDS) != 0) return "the prober's bounding set cannot be dropped";
#endif
    if (setgroups(0, nullptr) != 0) return failed("setgroups");
    if (setresgid(user.gid, user.gid, user.gid) != 0) return failed("setresgid");
    if (setresuid(user.uid, user.uid, user.uid) != 0) return failed("setresuid");
  }
  if (auto wrong = drop_capabilities(); !wrong.empty()) return wrong;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  if (geteuid() == 0 || getegid() == 0) return "the prober is still root";
  return {};
}

}  // namespace anyprobe
