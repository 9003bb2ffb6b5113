#include "privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

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

Outcome<User> find_user_but_root(const std::string& name) {
  auto user = find_user(name);
  if (user && user->uid == 0) return Error{in_quotes(name) + " is root: the prober must not be"};
  return user;
}

}  // namespace

Outcome<User> find_prober_user(const std::string& name) {
  if (!name.empty()) return find_user_but_root(name);
  auto own = find_user_but_root("anyprobe");
  return own ? std::move(own) : find_user_but_root("nobody");
}

Outcome<User> find_command_user(const std::string& name) {
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

void join(const char* name) {
  const group* wanted = getgrnam(name);
  if (wanted == nullptr) return;
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
  if (getgroups(static_cast<int>(groups.size()), groups.data()) < 0) return;
  if (std::find(groups.begin(), groups.end(), wanted->gr_gid) != groups.end()) return;
  groups.push_back(wanted->gr_gid);
  static_cast<void>(setgroups(groups.size(), groups.data()));
}

void join_groups() {
  // Whoever is in it may ask FRR's daemons; no capability that the keeper has opens their sockets. Where
  // there is no such group, or it cannot be joined, nothing is asked.
  join("frrvty");
  // Who owns a file may give it to a group of his own without CAP_CHOWN.
  join(kControlGroup);
}

}  // namespace

#if ANYPROBE_WITH_LIBCAP_NG

bool may_administer_network() {
  capng_clear(CAPNG_SELECT_ALL);
  return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN) != 0;
}

namespace {

void choose_keepers() {
  capng_clear(CAPNG_SELECT_ALL);
  capng_updatev(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET),
                CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_DAC_READ_SEARCH, CAP_KILL, CAP_SETUID, CAP_SETGID,
                CAP_SETPCAP, -1);
}

}  // namespace

std::string limit_keeper() {
  join_groups();
  choose_keepers();
  return capng_apply(CAPNG_SELECT_CAPS) == 0 ? "" : "the keeper's capabilities cannot be limited";
}

std::string seal_keeper() {
  choose_keepers();
  if (capng_apply(CAPNG_SELECT_ALL) != 0) return "the keeper's bounding set cannot be limited";
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  return {};
}

namespace {

std::string drop_capabilities() {
  capng_clear(CAPNG_SELECT_ALL);
  return capng_apply(CAPNG_SELECT_CAPS) == 0 ? std::string() : "the prober's capabilities cannot be dropped";
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
