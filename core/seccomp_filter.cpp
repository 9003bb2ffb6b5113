#include "seccomp_filter.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "text.hpp"

namespace anyprobe {
namespace {

// The names are those of 64-bit machines; each takes what it has of them.
constexpr const char* kAlways[] = {
    // To wait (libev, libcurl, and who waits for the keeper's answer), and to know how long.
    "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "gettimeofday", "nanosleep", "pipe2", "poll",
    "ppoll", "restart_syscall", "time", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    // To talk. Which sockets there are, socket() decides.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom",
    "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    // To read files, and what is open already. Which are opened, open() decides.
    "access", "close", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fstat", "getdents64", "lseek",
    "lstat", "newfstatat", "pread64", "read", "readlink", "readlinkat", "readv", "stat", "statx", "write",
    "writev",
    // To have memory and signals.
    "brk", "futex", "madvise", "mremap", "munmap", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sched_yield", "sigaltstack",
    // To know itself and its host, and chance.
    "getegid", "geteuid", "getgid", "getpid", "getppid", "getrandom", "gettid", "getuid", "sched_getaffinity",
    "sysinfo", "uname",
    // To end.
    "exit", "exit_group"};

// Beside clone().
constexpr const char* kOfThreads[] = {"membarrier", "rseq", "set_robust_list"};

// Their arguments lie in memory, where no filter sees them. Who hears that they do not exist falls back on
// the older ones (pthread_create on clone(), which EPERM would not make it do).
constexpr const char* kAbsent[] = {"clone3", "openat2"};

// What reaches the keeper where that is the same user; none of it is allowed above. A module of root's may
// name whatever else it needs, but not these.
constexpr std::string_view kReachOthers[] = {"execve",
                                             "execveat",
                                             "io_uring_setup",
                                             "kcmp",
                                             "kill",
                                             "move_pages",
                                             "migrate_pages",
                                             "pidfd_getfd",
                                             "pidfd_open",
                                             "pidfd_send_signal",
                                             "prlimit64",
                                             "process_madvise",
                                             "process_mrelease",
                                             "process_vm_readv",
                                             "process_vm_writev",
                                             "ptrace",
                                             "rt_sigqueueinfo",
                                             "rt_tgsigqueueinfo",
                                             "sched_setaffinity",
                                             "sched_setparam",
                                             "sched_setscheduler",
                                             "setpriority",
                                             "tgkill",
                                             "tkill"};
// And where there is a group in which sockets of others are open to it.
constexpr std::string_view kMakeSockets[] = {"socket", "socketpair"};

// Neither raw nor packet sockets, nor protocols whose module the kernel would load for us.
constexpr struct {
  int family;
  int type;
  int protocol;
} kSockets[] = {
    {AF_INET, SOCK_STREAM, 0},
    {AF_INET, SOCK_STREAM, IPPROTO_TCP},
    {AF_INET, SOCK_DGRAM, 0},
    {AF_INET, SOCK_DGRAM, IPPROTO_UDP},
    {AF_INET6, SOCK_STREAM, 0},
    {AF_INET6, SOCK_STREAM, IPPROTO_TCP},
    {AF_INET6, SOCK_DGRAM, 0},
    {AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
    {AF_UNIX, SOCK_STREAM, 0},
    {AF_UNIX, SOCK_DGRAM, 0},
    // The C library asks for interfaces and addresses so; of netlink, raw is no other than datagram. To
    // change anything takes a capability.
    {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
    {AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE},
    {AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG},
    {AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG},
};
// SOCK_NONBLOCK and SOCK_CLOEXEC lie above (linux/net.h: SOCK_TYPE_MASK).
constexpr int kSocketType = 0xf;

constexpr int kDescriptorCommands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL};
// Of terminals, whether it is one; TIOCSTI, which types into it, is far from these.
constexpr int kDeviceRequests[] = {FIONBIO, FIONREAD, SIOCGIFINDEX, SIOCGIFNAME, TCGETS};

// O_TRUNC writes without O_WRONLY, and O_TMPFILE has one of the two in it.
constexpr int kWriting = O_ACCMODE | O_CREAT | O_TRUNC;

// What makes a thread of this process, and what it may say besides; all else makes another process or a
// namespace.
constexpr int kThread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
constexpr int kOfItsThread =
    CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID;

// Of an int the kernel takes the lower half alone, and callers may leave anything in the upper one.
scmp_arg_cmp masked(unsigned int argument, int mask, int value) {
  return {argument, SCMP_CMP_MASKED_EQ, static_cast<std::uint32_t>(mask), static_cast<std::uint32_t>(value)};
}

scmp_arg_cmp is(unsigned int argument, int value) {
  return masked(argument, ~0, value);
}

scmp_arg_cmp is_null(unsigned int argument) {
  return {argument, SCMP_CMP_EQ, 0, 0};
}

std::string explained(int error) {
  return std::string("the prober's system calls cannot be limited: ") + std::strerror(error);
}

bool loads_code = true;

class Filter {
 public:
  // EPERM, and not the end of the process: a library that tries something new and can do without it goes on,
  // and one that cannot is a check that fails and says so. A prober that is killed would be started, and
  // killed, again and again, with every service withdrawn.
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
    if (context_ == nullptr) note(-ENOMEM);
    note(seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)));
    note(seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1));
    note(seccomp_attr_set(context_, SCMP_FLTATR_API_SYSRAWRC, 1));
  }
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  // Where all the conditions hold, each of another argument. Called again for the same name: or where these.
  void allow(const char* name, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    add(SCMP_ACT_ALLOW, name, conditions);
  }
  void deny_as_absent(const char* name) { add(SCMP_ACT_ERRNO(ENOSYS), name, {}); }

  // Empty, or what went wrong, with this or before.
  std::string load() {
    if (error_ == 0) note(seccomp_load(context_));
    return error_ == 0 ? std::string() : explained(error_);
  }

 private:
  void add(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions) {
    if (error_ != 0) return;
    note(seccomp_rule_add_array(context_, action, seccomp_syscall_resolve_name(name),
                                static_cast<unsigned int>(conditions.size()), conditions.begin()));
  }
  void note(int result) {
    if (result < 0 && error_ == 0) error_ = -result;
  }

  scmp_filter_ctx context_;
  int error_ = 0;  // the first
};

bool is_one_of(std::span<const std::string_view> names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string why_not_given(const std::string& name, Shared shared) {
  if (!is_system_call(name)) return in_quotes(name) + " is no system call that is known";
  if (shared.user && is_one_of(kReachOthers, name))
    return "a module asks for " + in_quotes(name) +
           ", which may reach the keeper where that is the same user: start it as root";
  if (shared.groups && is_one_of(kMakeSockets, name))
    return "a module asks for " + in_quotes(name) +
           ", which is not given to who has groups of others: start it as root, or without those groups";
  return {};
}

void allow_of_all(Filter& filter, Shared shared) {
  for (const auto* name : kAlways) filter.allow(name);
  filter.allow("open", {masked(1, kWriting, O_RDONLY)});
  filter.allow("openat", {masked(2, kWriting, O_RDONLY)});
  for (const auto& socket : kSockets) {
    if (shared.groups && socket.family == AF_UNIX) continue;
    filter.allow("socket",
                 {is(0, socket.family), masked(1, kSocketType, socket.type), is(2, socket.protocol)});
  }
  // One end of a pair of the other types may send to a socket that has a name.
  if (shared.groups)
    filter.allow("socketpair", {is(0, AF_UNIX), masked(1, kSocketType, SOCK_STREAM)});
  else
    filter.allow("socketpair", {is(0, AF_UNIX)});
  for (const auto command : kDescriptorCommands) filter.allow("fcntl", {is(1, command)});
  for (const auto request : kDeviceRequests) filter.allow("ioctl", {is(1, request)});
  filter.allow("prlimit64", {is(0, 0), is_null(2)});  // of itself, and nothing is set
  // SIGSTOP and SIGABRT, to itself.
  filter.allow("kill", {is(0, getpid())});
  filter.allow("tgkill", {is(0, getpid())});
}

void allow_of(Profile profile, Filter& filter) {
  if (profile == Profile::built_in) {
    filter.allow("mmap", {masked(2, PROT_EXEC, 0)});
    filter.allow("mprotect", {masked(2, PROT_EXEC, 0)});
    return;
  }
  filter.allow("mmap");
  filter.allow("mprotect");
  for (const auto* name : kOfThreads) filter.allow(name);
  filter.allow("clone", {masked(0, ~kOfItsThread, kThread)});
  filter.allow("prctl", {is(0, PR_SET_NAME)});
}

}  // namespace

std::string confine(Profile profile, std::span<const std::string> more, Shared shared) {
  Filter filter;
  allow_of_all(filter, shared);
  allow_of(profile, filter);
  for (const auto& name : more) {
    if (auto wrong = why_not_given(name, shared); !wrong.empty()) return wrong;
    filter.allow(name.c_str());
  }
  for (const auto* name : kAbsent) {
    if (std::find(more.begin(), more.end(), name) == more.end()) filter.deny_as_absent(name);
  }
  auto wrong = filter.load();
  if (wrong.empty() && profile == Profile::built_in) loads_code = false;
  return wrong;
}

bool may_load_code() {
  return loads_code;
}

bool is_system_call(const std::string& name) {
  return seccomp_syscall_resolve_name(name.c_str()) != __NR_SCMP_ERROR;
}

}  // namespace anyprobe
