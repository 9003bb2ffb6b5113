// What the prober needs works where it is confined.
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <thread>

#include "confined.hpp"
#include "core/descriptor.hpp"
#include "core/event_loop.hpp"
#include "core/seccomp_filter.hpp"

using namespace anyprobe;

namespace {

constexpr Profile kProfiles[] = {Profile::built_in, Profile::modules};
constexpr Duration kDeadline = std::chrono::seconds(5);

std::string failed(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

// By either profile; empty is well.
void works(const std::function<std::string()>& does) {
  for (const auto profile : kProfiles) {
    CHECK(in_child([&] {
            const auto wrong = confine(profile, {});
            return wrong.empty() ? does() : wrong;
          }) == "");
  }
}

bool ready(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return poll(&waiting, 1, 5000) == 1;
}

// A question and its answer over the loopback, by a socket of this kind.
std::string talk(int family, int type) {
  sockaddr_storage address{};
  socklen_t length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  address.ss_family = static_cast<sa_family_t>(family);
  if (family == AF_INET)
    reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else
    reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
  auto* const to = reinterpret_cast<sockaddr*>(&address);
  Descriptor server(socket(family, type | SOCK_CLOEXEC, 0));
  const Descriptor client(socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!server.valid() || !client.valid()) return failed("socket");
  const int on = 1;
  if (setsockopt(server.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return failed("setsockopt");
  if (bind(server.get(), to, length) != 0) return failed("bind");
  if (getsockname(server.get(), to, &length) != 0) return failed("getsockname");
  if (type == SOCK_STREAM && listen(server.get(), 1) != 0) return failed("listen");
  if (connect(client.get(), to, length) != 0 && errno != EINPROGRESS) return failed("connect");
  if (type == SOCK_STREAM) {
    if (!ready(server.get())) return failed("poll");
    server.reset(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!server.valid()) return failed("accept4");
  }
  if (send(client.get(), "x", 1, MSG_NOSIGNAL) != 1) return failed("send");
  char octet = 0;
  if (!ready(server.get()) || recv(server.get(), &octet, 1, 0) != 1) return failed("recv");
  return octet == 'x' ? "" : "something else came";
}

// A socket in the place where syslogd has its own.
Descriptor syslogd() {
  sockaddr_un address{AF_UNIX, "/dev/log"};
  Descriptor out(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  unlink(address.sun_path);
  return bind(out.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? std::move(out)
                                                                                           : Descriptor();
}

std::string line_of(const Descriptor& socket) {
  char line[256] = "";
  if (!ready(socket.get()) || recv(socket.get(), line, sizeof line - 1, 0) <= 0) return failed("no line");
  return line;
}

// Where nobody is disturbed by it.
std::string take_dev_log_away() {
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", "/dev", "tmpfs", 0, nullptr) != 0) {
    return failed("a /dev of its own");
  }
  return {};
}

}  // namespace

TEST_CASE("files are read, and folders") {
  works([] {
    std::ifstream file("/etc/passwd");
    std::string line;
    if (!std::getline(file, line) || line.empty()) return failed("/etc/passwd");
    auto* const folder = opendir("/etc");
    const bool read = folder != nullptr && readdir(folder) != nullptr;
    if (folder != nullptr) closedir(folder);
    if (!read) return failed("/etc");
    struct stat status {};
    if (stat("/etc/hosts", &status) != 0 || access("/etc/passwd", R_OK) != 0) return failed("stat");
    const Descriptor device(open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!device.valid()) return failed("/dev/urandom");
    const auto now = time(nullptr);
    tm local{};
    return std::string(localtime_r(&now, &local) != nullptr ? "" : "localtime");
  });
}

TEST_CASE("datagrams and streams are exchanged") {
  works([] {
    for (const int family : {AF_INET, AF_INET6}) {
      for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        if (auto wrong = talk(family, type); !wrong.empty()) return std::to_string(family) + " " + wrong;
      }
    }
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
      const Descriptor local(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (!local.valid()) return failed("AF_UNIX");
    }
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed("socketpair");
    if (write(ends[0], "x", 1) != 1 || !ready(ends[1])) return failed("write");
    return std::string();
  });
}

TEST_CASE("interfaces and closed sockets can be asked for, and what is in a socket") {
  works([] {
    if (if_nametoindex("lo") == 0) return failed("if_nametoindex");
    char name[IF_NAMESIZE];
    if (if_indextoname(1, name) == nullptr) return failed("if_indextoname");
    constexpr int kSockDiag = 4;
    for (const int protocol : {0, kSockDiag}) {
      const Descriptor netlink(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
      if (!netlink.valid()) return failed("netlink");
    }
    const Descriptor datagram(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
    int octets = 0;
    if (ioctl(datagram.get(), FIONREAD, &octets) != 0) return failed("FIONREAD");
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return failed("getrlimit");
    return std::string(fcntl(datagram.get(), F_SETFL, O_NONBLOCK) == 0 ? "" : "F_SETFL");
  });
}

TEST_CASE("what the kernel does not look at does not matter") {
  constexpr long kJunk = 1L << 32;
  works([] {
    if (syscall(SYS_socket, kJunk | AF_INET, kJunk | SOCK_STREAM, kJunk | IPPROTO_TCP) < 0)
      return failed("socket");
    if (syscall(SYS_fcntl, 0, kJunk | F_GETFD) < 0) return failed("fcntl");
    return std::string(syscall(SYS_kill, kJunk | getpid(), 0) == 0 ? "" : "kill");
  });
}

TEST_CASE("a connection is taken on a socket that listened before") {
  sockaddr_un address{AF_UNIX, {}};
  address.sun_path[1] = 'c';  // of no file: an abstract name, with our number
  const auto name = "anyprobe-confined-" + std::to_string(getpid());
  name.copy(address.sun_path + 1, sizeof address.sun_path - 2);
  const auto* const at = reinterpret_cast<const sockaddr*>(&address);
  const Descriptor control(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  REQUIRE(bind(control.get(), at, sizeof address) == 0);
  REQUIRE(listen(control.get(), 2) == 0);
  works([&] {
    const Descriptor client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(client.get(), at, sizeof address) != 0) return failed("connect");
    if (!ready(control.get())) return failed("poll");
    const Descriptor peer(accept4(control.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!peer.valid()) return failed("accept4");
    ucred who{};
    socklen_t length = sizeof who;
    if (getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return failed("SO_PEERCRED");
    return std::string(send(peer.get(), "x", 1, MSG_NOSIGNAL) == 1 ? "" : "send");
  });
}

TEST_CASE("an event loop is made, waits and takes signals") {
  works([] {
    EventLoop loop;
    bool signalled = false;
    bool late = false;
    Signal signal(loop, SIGTERM, [&] {
      signalled = true;
      loop.stop();
    });
    Timer timer(loop, [] { raise(SIGTERM); });
    Timer deadline(loop, [&] {
      late = true;
      loop.stop();
    });
    timer.start(std::chrono::milliseconds(1));
    deadline.start(kDeadline);
    loop.run();
    return std::string(signalled && !late ? "" : "no signal");
  });
}

TEST_CASE("it stops itself, goes on, and aborts") {
  for (const auto profile : kProfiles) {
    const pid_t child = fork();
    if (child == 0) {
      std::signal(SIGABRT, SIG_DFL);
      if (!confine(profile, {}).empty()) _exit(1);
      raise(SIGSTOP);
      std::abort();
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, WUNTRACED) == child);
    CHECK(WIFSTOPPED(status));
    kill(child, SIGCONT);
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
  }
}

TEST_CASE("syslog(3) is heard, also by a syslogd that has been started anew") {
  for (const auto profile : kProfiles) {
    CHECK(in_child([&]() -> std::string {
            if (auto wrong = take_dev_log_away(); !wrong.empty()) return wrong;
            auto daemon = syslogd();
            int again[2];
            if (!daemon.valid() || pipe(again) != 0) return failed("/dev/log");
            const pid_t child = fork();
            if (child == 0) {
              daemon.reset();
              openlog("confined", LOG_NDELAY, LOG_DAEMON);
              if (!confine(profile, {}).empty()) _exit(1);
              syslog(LOG_INFO, "before");
              char octet = 0;
              if (read(again[0], &octet, 1) != 1) _exit(1);
              syslog(LOG_INFO, "after");
              _exit(0);
            }
            const auto before = line_of(daemon);
            daemon.reset();
            daemon = syslogd();
            if (write(again[1], "x", 1) != 1) return failed("write");
            const auto after = line_of(daemon);
            waitpid(child, nullptr, 0);
            if (!before.ends_with(": before")) return before;
            return after.ends_with(": after") ? "" : after;
          }) == "");
  }
}

TEST_CASE("modules have threads, those begun before are confined too, and code is loaded") {
  CHECK(in_child([]() -> std::string {
          std::atomic<bool> confined = false;
          int refused = 0;
          std::thread before([&] {
            while (!confined) std::this_thread::yield();
            refused = memfd_create("x", 0) < 0 ? errno : 0;
          });
          const auto wrong = confine(Profile::modules, {});
          confined = true;
          before.join();
          if (!wrong.empty()) return wrong;
          if (refused != EPERM) return "the other thread is not confined";
          int seen = 0;
          std::thread([&] { seen = memfd_create("x", 0) < 0 ? errno : 0; }).join();
          if (seen != EPERM) return "the next thread is not confined";
          const auto file = std::string(ANYPROBE_TEST_MODULES) + "/libgood_module.so";
          return dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL) != nullptr ? "" : dlerror();
        }) == "");
}

TEST_CASE("what modules ask for they may, and no more") {
  // Of the profile already, with arguments or without; twice; of another architecture.
  const std::vector<std::string> more = {"memfd_create", "memfd_create", "read", "socket",
                                         "socketcall",   "_llseek",      "mmap", "clone3"};
  CHECK(in_child([&]() -> std::string {
          const auto wrong = confine(Profile::modules, more);
          if (!wrong.empty()) return wrong;
          const Descriptor file(memfd_create("x", MFD_CLOEXEC));
          if (!file.valid()) return failed("memfd_create");
          const Descriptor packets(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
          if (!packets.valid()) return failed("socket");
          if (syscall(SYS_clone3, nullptr, 0) != -1 || errno == ENOSYS || errno == EPERM)
            return failed("clone3");
          return ftruncate(file.get(), 1) == -1 && errno == EPERM ? "" : "ftruncate";
        }) == "");
}

TEST_CASE("a name that is no system call is told, and nothing is confined") {
  CHECK(in_child([]() -> std::string {
          const std::vector<std::string> more = {"memfd_create", "frobnicate"};
          const auto wrong = confine(Profile::modules, more);
          return prctl(PR_GET_SECCOMP) == 0 ? wrong : "confined";
        }) == "\"frobnicate\" is no system call that is known");
  CHECK(is_system_call("memfd_create"));
  CHECK(is_system_call("socketcall"));
  CHECK_FALSE(is_system_call("frobnicate"));
  CHECK_FALSE(is_system_call(""));
}
