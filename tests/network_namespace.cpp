#include "network_namespace.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <stdexcept>
#include <system_error>

extern char** environ;

namespace {

std::map<int, int>& counted() {
  static std::map<int, int> counts;
  return counts;
}

}  // namespace

// In the place of the C library's, so that the program's own datagrams can be counted.
extern "C" ssize_t send(int fd, const void* data, size_t length, int flags) {
  int domain = 0;
  socklen_t domain_length = sizeof domain;
  if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_length) == 0 && domain == AF_NETLINK &&
      length >= sizeof(nlmsghdr)) {
    nlmsghdr head{};
    std::memcpy(&head, data, sizeof head);
    ++counted()[head.nlmsg_type];
  }
  return syscall(SYS_sendto, fd, data, length, flags, nullptr, 0);
}

namespace anyprobe {

int datagrams_sent(int type) {
  return counted()[type];
}

NetworkNamespace::NetworkNamespace() : home_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
  if (home_ < 0 || unshare(CLONE_NEWNET) != 0) {
    const int error = errno;
    if (home_ >= 0) close(home_);
    throw std::system_error(error, std::generic_category(), "no network namespace (these tests need root)");
  }
  if (ip({"link", "set", "lo", "up"}).status != 0) throw std::runtime_error("lo does not come up");
}

NetworkNamespace::~NetworkNamespace() {
  if (setns(home_, CLONE_NEWNET) != 0) std::abort();  // any later test would change the host
  close(home_);
}

Ran ip(std::vector<std::string> words) {
  std::vector<char*> arguments;
  words.insert(words.begin(), "ip");
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  pid_t child = -1;
  const int error = posix_spawnp(&child, "ip", &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  Ran out;
  std::array<char, 4096> piece{};
  for (ssize_t n = 0; (n = read(ends[0], piece.data(), piece.size())) > 0;) {
    out.output.append(piece.data(), static_cast<std::size_t>(n));
  }
  close(ends[0]);
  if (error != 0) throw std::system_error(error, std::generic_category(), "ip");
  int status = 0;
  if (waitpid(child, &status, 0) == child && WIFEXITED(status)) out.status = WEXITSTATUS(status);
  return out;
}

Ran ip_batch(const std::vector<std::string>& lines) {
  std::string name = "/tmp/anyprobe-ip-XXXXXX";
  const int fd = mkstemp(name.data());
  if (fd < 0) throw std::system_error(errno, std::generic_category(), name);
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  auto out = written ? ip({"-batch", name}) : Ran{};
  unlink(name.c_str());
  return out;
}

std::string address_lines(const std::string& prefix) {
  const auto all = ip({"addr", "show"}).output;
  std::string out;
  for (const auto* kind : {"inet ", "inet6 "}) {
    const auto begin = all.find(kind + prefix + " ");
    if (begin == std::string::npos) continue;
    const auto second = all.find('\n', begin);
    out += all.substr(begin, all.find('\n', second + 1) - begin) + "\n";
  }
  return out;
}

}  // namespace anyprobe
