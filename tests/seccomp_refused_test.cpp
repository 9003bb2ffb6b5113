// What the prober may not ask of the kernel. The arguments are such that, were it let through, nothing would
// come of it; run as root, nothing of it fails with EPERM for want of privilege.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include "confined.hpp"
#include "core/seccomp_filter.hpp"

using namespace anyprobe;

namespace {

struct Asked {
  const char* what;
  const char* name;
  std::array<long, 6> arguments;
};

long at(const void* memory) {
  return reinterpret_cast<long>(memory);
}

const char* const kNowhere = "/nonexistent/file";
const char* const kNull = "/dev/null";
constexpr long kJunk = 1L << 32;  // above what the kernel looks at in an int

std::vector<Asked> asked_of_processes() {
  return {
      {"exec", "execve", {at(kNowhere)}},
      {"exec", "execveat", {AT_FDCWD, at(kNowhere)}},
      {"another process", "fork", {}},
      {"another process", "vfork", {}},
      {"another process", "clone", {SIGCHLD}},
      {"another process", "clone", {SIGCHLD | CLONE_NEWUSER}},
      {"a thread with a namespace",
       "clone",
       {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWPID}},
      {"tracing", "ptrace", {PTRACE_ATTACH, -1}},
      {"memory of others", "process_vm_readv", {getpid()}},
      {"memory of others", "process_vm_writev", {getpid()}},
      {"signals of others", "kill", {getppid(), 0}},
      {"signals of a group", "kill", {0, 0}},
      {"signals of all", "kill", {-1, 0}},
      {"signals of others", "tgkill", {getppid(), getppid(), 0}},
      {"signals of others", "tkill", {getppid(), 0}},
      {"signals of others", "rt_sigqueueinfo", {getppid(), 0}},
      {"signals of others", "pidfd_open", {getppid(), 0}},
      {"signals of others", "pidfd_send_signal", {-1, 0}},
      {"limits of others", "prlimit64", {getppid(), RLIMIT_CORE}},
      {"its own limits", "setrlimit", {RLIMIT_CORE}},
      {"its own limits", "prlimit64", {0, RLIMIT_CORE, kJunk}},
      {"a further filter", "seccomp", {-1}},
      {"being dumped", "prctl", {PR_SET_DUMPABLE, 9}},
      {"personality", "personality", {0xffffffff}},
  };
}

std::vector<Asked> asked_of_the_host() {
  return {
      {"mounts", "mount", {at(kNowhere), at(kNowhere), at(kNowhere)}},
      {"mounts", "umount2", {at(kNowhere)}},
      {"mounts", "pivot_root", {at(kNowhere), at(kNowhere)}},
      {"mounts", "chroot", {at(kNowhere)}},
      {"mounts", "fsopen", {at("nosuch")}},
      {"mounts", "open_tree", {-1, at("")}},
      {"mounts", "move_mount", {-1, at(kNowhere), -1, at(kNowhere)}},
      {"namespaces", "unshare", {CLONE_NEWUTS}},
      {"namespaces", "setns", {-1}},
      {"bpf", "bpf", {-1}},
      {"perf", "perf_event_open", {}},
      {"keys", "keyctl", {-1}},
      {"keys", "add_key", {}},
      {"keys", "request_key", {}},
      {"modules of the kernel", "init_module", {}},
      {"modules of the kernel", "finit_module", {-1}},
      {"modules of the kernel", "delete_module", {at("nosuch")}},
      {"another kernel", "kexec_load", {0, 0, 0, -1}},
      {"reboot", "reboot", {0}},
      {"swap", "swapon", {at(kNowhere)}},
      {"the clock", "clock_settime", {-1}},
      {"the name of the host", "sethostname", {0, -1}},
      {"io_uring", "io_uring_setup", {0}},
      {"io_uring", "io_uring_enter", {-1}},
      {"io_uring", "io_uring_register", {-1}},
      {"userfaultfd", "userfaultfd", {-1}},
      {"input of a terminal", "ioctl", {-1, TIOCSTI}},
      {"input of a terminal, in disguise", "ioctl", {-1, kJunk | TIOCSTI}},
      {"the console", "ioctl", {-1, TIOCCONS}},
      {"who is signalled of input", "fcntl", {-1, F_SETOWN}},
  };
}

std::vector<Asked> asked_of_users_and_files() {
  return {
      {"users", "setuid", {getuid()}},
      {"users", "setreuid", {-1, -1}},
      {"users", "setresuid", {-1, -1, -1}},
      {"users", "setfsuid", {getuid()}},
      {"groups", "setgid", {getgid()}},
      {"groups", "setregid", {-1, -1}},
      {"groups", "setresgid", {-1, -1, -1}},
      {"groups", "setgroups", {-1}},
      {"capabilities", "capset", {}},
      {"modes", "chmod", {at(kNowhere)}},
      {"modes", "fchmod", {-1}},
      {"modes", "fchmodat", {AT_FDCWD, at(kNowhere)}},
      {"owners", "chown", {at(kNowhere)}},
      {"owners", "lchown", {at(kNowhere)}},
      {"owners", "fchown", {-1}},
      {"owners", "fchownat", {AT_FDCWD, at(kNowhere)}},
      {"names", "unlink", {at(kNowhere)}},
      {"names", "unlinkat", {AT_FDCWD, at(kNowhere)}},
      {"names", "rename", {at(kNowhere), at(kNowhere)}},
      {"names", "renameat2", {AT_FDCWD, at(kNowhere), AT_FDCWD, at(kNowhere)}},
      {"names", "link", {at(kNowhere), at(kNowhere)}},
      {"names", "symlink", {at(kNowhere), at(kNowhere)}},
      {"names", "mknod", {at(kNowhere)}},
      {"folders", "mkdir", {at(kNowhere)}},
      {"folders", "mkdirat", {AT_FDCWD, at(kNowhere)}},
      {"folders", "rmdir", {at(kNowhere)}},
      {"size", "truncate", {at(kNowhere)}},
      {"size", "ftruncate", {-1}},
      {"attributes", "setxattr", {at(kNowhere)}},
      {"writing", "creat", {at(kNowhere)}},
      {"writing", "open", {at(kNull), O_WRONLY}},
      {"writing", "open", {at(kNull), O_RDWR}},
      {"writing", "open", {at(kNull), kJunk | O_RDWR}},
      {"writing", "open", {at(kNowhere), O_CREAT}},
      {"writing", "open", {at(kNull), O_TRUNC}},
      {"writing", "openat", {AT_FDCWD, at(kNull), O_WRONLY}},
      {"writing", "openat", {AT_FDCWD, at(kNull), O_RDWR | O_CLOEXEC}},
      {"writing", "openat", {AT_FDCWD, at(kNull), kJunk | O_WRONLY}},
      {"writing", "openat", {AT_FDCWD, at(kNull), O_ACCMODE}},
      {"writing", "openat", {AT_FDCWD, at(kNowhere), O_CREAT}},
      {"writing", "openat", {AT_FDCWD, at(kNull), O_TRUNC}},
      {"writing", "openat", {AT_FDCWD, at("/tmp"), O_TMPFILE | O_WRONLY, 0600}},
      {"writing", "open_by_handle_at", {-1}},
      {"files without a name", "memfd_create", {at("x"), -1}},
  };
}

std::vector<Asked> asked_of_sockets() {
  constexpr int kSctp = 132;
  return {
      {"packets", "socket", {AF_PACKET, SOCK_RAW, 0}},
      {"packets", "socket", {AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0}},
      {"packets", "socket", {AF_INET, SOCK_PACKET, 0}},
      {"raw", "socket", {AF_INET, SOCK_RAW, IPPROTO_ICMP}},
      {"raw", "socket", {AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP}},
      {"raw", "socket", {AF_INET, kJunk | SOCK_RAW, IPPROTO_RAW}},
      {"raw", "socket", {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6}},
      {"pings", "socket", {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}},
      {"what loads a module", "socket", {AF_INET, SOCK_STREAM, kSctp}},
      {"netlink", "socket", {AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER}},
      {"netlink", "socket", {AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT}},
      {"netlink", "socket", {AF_NETLINK, SOCK_RAW, NETLINK_GENERIC}},
      {"other families", "socket", {AF_ALG, SOCK_SEQPACKET, 0}},
      {"other families", "socket", {AF_VSOCK, SOCK_STREAM, 0}},
      {"other families", "socket", {AF_BLUETOOTH, SOCK_RAW, 0}},
      {"other families", "socket", {AF_KEY, SOCK_RAW, 2}},
      {"other families", "socketpair", {AF_INET, SOCK_STREAM, 0, 0}},
  };
}

std::vector<Asked> asked() {
  std::vector<Asked> out;
  for (const auto& some :
       {asked_of_processes(), asked_of_the_host(), asked_of_users_and_files(), asked_of_sockets()}) {
    out.insert(out.end(), some.begin(), some.end());
  }
  return out;
}

long ask(int number, const std::array<long, 6>& a) {
#ifdef SYS_vfork
  if (number == SYS_vfork) {
    const pid_t child = vfork();  // no function that it is called in may return in the child
    if (child == 0) _exit(0);
    return child;
  }
#endif
  return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

// One line for each that is not refused so.
std::string not_refused(const std::vector<Asked>& all, int error) {
  std::string out;
  const auto self = getpid();
  for (const auto& one : all) {
    const int number = seccomp_syscall_resolve_name(one.name);
    if (number < 0) continue;  // this machine has it not
    const auto result = ask(number, one.arguments);
    const int why = result < 0 ? errno : 0;
    if (getpid() != self) _exit(0);  // a child that must not be
    if (why != error)
      out += std::string(one.name) + " (" + one.what + "): errno " + std::to_string(why) + "\n";
  }
  return out;
}

// The arguments were such that it would not have been told apart from want of privilege.
std::string refused_before(const std::vector<Asked>& all) {
  std::string out;
  for (const auto& one : all) {
    if (not_refused({one}, EPERM).empty()) out += std::string(one.name) + " (" + one.what + ")\n";
  }
  return out;
}

constexpr Profile kProfiles[] = {Profile::built_in, Profile::modules};

}  // namespace

TEST_CASE("what may not be asked is refused with EPERM, by either profile") {
  for (const auto profile : kProfiles) {
    CHECK(in_child([&] {
            const auto all = asked();  // with the child's own numbers
            const auto wrong = confine(profile, {});
            return wrong.empty() ? not_refused(all, EPERM) : wrong;
          }) == "");
  }
}

TEST_CASE("what takes its arguments from memory is not there") {
  const std::vector<Asked> all = {{"threads", "clone3", {}}, {"writing", "openat2", {-1}}};
  for (const auto profile : kProfiles) {
    CHECK(in_child([&] {
            const auto wrong = confine(profile, {});
            return wrong.empty() ? not_refused(all, ENOSYS) : wrong;
          }) == "");
  }
}

TEST_CASE("built-in probes have neither memory to execute nor threads") {
  const auto page = sysconf(_SC_PAGESIZE);
  void* const memory =
      mmap(nullptr, static_cast<std::size_t>(page), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const std::vector<Asked> all = {
      {"memory to execute", "mmap", {0, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
      {"memory to execute", "mmap", {0, page, kJunk | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
      {"memory to execute", "mprotect", {at(memory), page, PROT_READ | PROT_EXEC}},
      {"memory to execute", "pkey_mprotect", {at(memory), page, PROT_READ | PROT_EXEC, -1}},
      {"threads", "clone", {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD}},
      {"threads", "set_robust_list", {0, -1}},
  };
  CHECK(in_child([&] {
          const auto wrong = confine(Profile::built_in, {});
          return wrong.empty() ? not_refused(all, EPERM) : wrong;
        }) == "");
  munmap(memory, static_cast<std::size_t>(page));
}

TEST_CASE("who has groups of others makes no Unix socket by which to use them") {
  const std::vector<Asked> all = {
      {"Unix sockets", "socket", {AF_UNIX, SOCK_STREAM, 0}},
      {"Unix sockets", "socket", {AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0}},
      {"Unix sockets", "socket", {AF_UNIX, SOCK_DGRAM, 0}},
      {"Unix sockets", "socket", {AF_UNIX, SOCK_SEQPACKET, 0}},
      {"an end that may send elsewhere", "socketpair", {AF_UNIX, SOCK_DGRAM, 0, 0}},
      {"an end that may send elsewhere", "socketpair", {AF_UNIX, SOCK_RAW, 0, 0}},
      {"an end that may send elsewhere", "socketpair", {AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, 0}},
  };
  for (const auto profile : kProfiles) {
    CHECK(in_child([&] {
            const auto more = asked();
            const auto wrong = confine(profile, {}, {.user = true, .groups = true});
            int ends[2];
            if (!wrong.empty()) return wrong;
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return std::string("no pair");
            return not_refused(all, EPERM) + not_refused(more, EPERM);
          }) == "");
  }
}

TEST_CASE("what reaches the keeper is not given to a module that is the same user") {
  const auto told = [](const char* name, Shared shared) {
    return in_child([&] {
      const std::vector<std::string> more = {"memfd_create", name};
      return confine(Profile::modules, more, shared);
    });
  };
  for (const auto* name : {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "pidfd_open", "pidfd_send_signal",
                           "pidfd_getfd", "ptrace", "process_vm_readv", "process_vm_writev", "kcmp"}) {
    CHECK(told(name, {.user = true}).find("may reach the keeper") != std::string::npos);
    CHECK(told(name, {}) == "");
  }
  for (const auto* name : {"socket", "socketpair"}) {
    CHECK(told(name, {.user = true, .groups = true}).find("groups of others") != std::string::npos);
    CHECK(told(name, {.user = true}) == "");
  }
}

TEST_CASE("the calls of another architecture are refused") {
#ifdef __x86_64__
  constexpr long kX32 = 0x40000000;
  CHECK(in_child([] {
          const auto wrong = confine(Profile::modules, {});
          if (!wrong.empty()) return wrong;
          const auto got = syscall(kX32 | SYS_getpid);
          return std::string(got == -1 && errno == EPERM ? "" : "x32");
        }) == "");
  // A kernel without them ends whoever tries.
  const auto told = in_child([] {
    const auto wrong = confine(Profile::modules, {});
    if (!wrong.empty()) return wrong;
    constexpr int kGetpidOf386 = 20;
    long got = kGetpidOf386;
    asm volatile("int $0x80" : "+a"(got) : : "memory", "cc", "r8", "r9", "r10", "r11");
    return std::string(got == -EPERM ? "" : "i386");
  });
  CHECK((told.empty() || told == "killed by SIGSEGV"));
#endif
}

TEST_CASE("none of it fails with EPERM where nothing is confined") {
  // In a container root lacks some of it, and then this says nothing of the filter.
  if (in_child([] { return not_refused({{"", "sethostname", {0, -1}}}, EPERM); }).empty()) return;
  CHECK(in_child([] {
          const auto all = asked();
          return refused_before(all);
        }) == "");
}
