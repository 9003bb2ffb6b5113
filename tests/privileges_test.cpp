// What a process gives up that is started as somebody else than root with a few capabilities.
#include "core/privileges.hpp"

#include <doctest/doctest.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>

#include "anyprobe_features.hpp"
#include "confined.hpp"

#if ANYPROBE_WITH_LIBCAP_NG

using namespace anyprobe;

namespace {

constexpr uid_t kSomebody = 65534;
constexpr gid_t kHisGroup = 65534;
constexpr std::uint64_t kNetAdmin = std::uint64_t{1} << CAP_NET_ADMIN;
constexpr std::uint64_t kLowPorts = std::uint64_t{1} << CAP_NET_BIND_SERVICE;
constexpr std::uint64_t kKill = std::uint64_t{1} << CAP_KILL;

// As a unit with User= and AmbientCapabilities= starts it. In a child, from root.
bool start_as_somebody(std::uint64_t capabilities, const std::vector<gid_t>& groups = {},
                       gid_t group = kHisGroup) {
  if (setgroups(groups.size(), groups.data()) != 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return false;
  if (setresgid(group, group, group) != 0 || setresuid(kSomebody, kSomebody, kSomebody) != 0) return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (const int half : {0, 1}) {
    const auto word = static_cast<std::uint32_t>(capabilities >> (32 * half));
    data[half] = {word, word, word};
  }
  if (syscall(SYS_capset, &header, data) != 0) return false;
  for (int each = 0; each < 64; ++each) {
    const bool has = (capabilities >> each & 1U) != 0;
    if (has && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0, 0) != 0) return false;
  }
  return true;
}

// SystemCallFilter=~@privileged of a unit.
bool lose_capset() {
  auto* const context = seccomp_init(SCMP_ACT_ALLOW);
  const bool lost = seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(capset), 0) == 0 &&
                    seccomp_load(context) == 0;
  seccomp_release(context);
  return lost;
}

// By the names of /proc/PID/status.
std::uint64_t capabilities(const std::string& set) {
  std::ifstream in("/proc/self/status");
  for (std::string key, value; in >> key && std::getline(in, value);) {
    if (key == set + ":") return std::stoull(value, nullptr, 16);
  }
  return ~std::uint64_t{0};
}

std::string all_but(std::uint64_t wanted) {
  std::string out;
  for (const auto* set : {"CapEff", "CapPrm"}) {
    if (capabilities(set) != wanted)
      out += std::string(set) + " is " + std::to_string(capabilities(set)) + "\n";
  }
  return capabilities("CapAmb") == 0 ? out : out + "ambient ones are left\n";
}

}  // namespace

TEST_CASE("the keeper of one user keeps of what it has what is of use, and cannot be dumped") {
  REQUIRE(geteuid() == 0);
  CHECK(in_child([] {
          if (!start_as_somebody(kNetAdmin | kLowPorts | kKill)) return std::string("cannot be started");
          if (const auto wrong = limit_keeper(); !wrong.empty()) return wrong;
          if (!is_one_user() || !may_administer_network()) return std::string("is not what it should be");
          if (capabilities("CapInh") != 0) return std::string("inheritable ones are left");
          return all_but(kNetAdmin | kLowPorts) + (prctl(PR_GET_DUMPABLE) == 0 ? "" : "may be dumped");
        }) == "");
}

TEST_CASE("it needs no call to give up nothing, and says where it cannot give up more") {
  CHECK(in_child([] {
          if (!start_as_somebody(kNetAdmin) || !lose_capset()) return std::string("cannot be started");
          auto wrong = limit_keeper();
          wrong += seal_keeper();
          return wrong + all_but(kNetAdmin) + (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? "" : "unsealed");
        }) == "");
  CHECK(in_child([] {
          if (!start_as_somebody(kNetAdmin | kKill) || !lose_capset())
            return std::string("cannot be started");
          return limit_keeper();
        }) == "the keeper's capabilities cannot be limited");
}

TEST_CASE("prober and runner of one user have nothing left") {
  CHECK(in_child([] {
          if (!start_as_somebody(kNetAdmin | kKill)) return std::string("cannot be started");
          stay_one_user();
          const auto wrong = become(*find_prober_user(""));
          return wrong + all_but(0) + (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? "" : "may gain more");
        }) == "");
  CHECK(in_child([] {
          if (!start_as_somebody(kNetAdmin)) return std::string("cannot be started");
          const auto wrong = limit_runner();
          return wrong + all_but(0) + (prctl(PR_GET_DUMPABLE) == 0 ? "" : "may be dumped");
        }) == "");
}

TEST_CASE("of one user, every other name is refused") {
  CHECK(
      in_child([] {
        if (!start_as_somebody(0)) return std::string("cannot be started");
        stay_one_user();
        const auto himself = find_prober_user("");
        const auto named = find_command_user("nobody");
        if (!himself || himself->uid != kSomebody || !named || named->uid != kSomebody)
          return std::string("is not himself");
        return find_prober_user("daemon").error() + "\n" + find_command_user("root").error() + "\n" +
               find_command_user("who").error();
      }) ==
      "\"daemon\" is another user than \"nobody\", as whom this was started: only what root starts can "
      "become "
      "somebody else\n"
      "\"root\" is another user than \"nobody\", as whom this was started: only what root starts can become "
      "somebody else\n"
      "there is no user \"who\"");
  // Not without it: a check by hand runs as whoever asks.
  CHECK(find_command_user("daemon"));
}

TEST_CASE("groups beside its own are those it cannot give up") {
  const auto told = [](const std::vector<gid_t>& groups, gid_t group = kHisGroup) {
    return in_child([&] {
      if (!start_as_somebody(0, groups, group)) return std::string("cannot be started");
      stay_one_user();
      std::string out;
      for (const auto& name : shared_groups()) out += name + " ";
      return out;
    });
  };
  CHECK(told({}) == "");
  CHECK(told({kHisGroup}) == "");
  CHECK(told({kHisGroup, 1, 123456}) == "daemon 123456 ");
  CHECK(told({kHisGroup}, 1) == "daemon ");
  // Root's prober gives them up.
  CHECK(shared_groups().empty());
}

#endif
