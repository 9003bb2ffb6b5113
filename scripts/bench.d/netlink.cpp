// The floor that the benches compare with, and their clock: netlink and nothing else.
//
//   netlink batch 4|6 COUNT LEASE
// At a line on its input it adds so many /32 or /128 to lo by one sendmsg, each for LEASE seconds (0: for
// ever), and at the next it removes them by another. Says "BEGIN END CPU" each time.
//
//   netlink renew 4|6 COUNT SECONDS LEASE
// Adds them, says so, and begins their lifetime again every so many seconds.
//
//   netlink watch COUNT
// Says "in FIRST LAST" when all of them have come and "out FIRST LAST" when all have gone, by the times of
// the first and the last change; where COUNT is 0, at each change.
//
// Times are those of CLOCK_MONOTONIC, CPU what the process took; both in ns.
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <unordered_set>
#include <vector>

namespace {

long long now(clockid_t clock = CLOCK_MONOTONIC) {
  timespec time{};
  clock_gettime(clock, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(70);
}

int open_netlink(unsigned groups) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  const int room = 64 << 20;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_groups = groups;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&own), sizeof own) != 0) fail("netlink");
  return fd;
}

void attribute(std::string& message, unsigned short type, const void* data, std::size_t length) {
  const rtattr head{static_cast<unsigned short>(sizeof(rtattr) + length), type};
  message.append(reinterpret_cast<const char*>(&head), sizeof head);
  message.append(static_cast<const char*>(data), length);
  message.resize(RTA_ALIGN(message.size()));
}

// 198.18.0.0/15 and 2001:db8::/32, from the second on.
std::string address(int family, unsigned number) {
  std::string out(family == AF_INET ? 4 : 16, '\0');
  const std::uint32_t value = htonl((family == AF_INET ? 0xc6120000U : 0U) + number + 1);
  if (family == AF_INET6) inet_pton(AF_INET6, "2001:db8::", out.data());
  std::memcpy(out.data() + out.size() - 4, &value, 4);
  return out;
}

std::string request(unsigned short type, unsigned short flags, int family, unsigned number,
                    std::uint32_t lease) {
  nlmsghdr head{};
  head.nlmsg_type = type;
  head.nlmsg_flags = static_cast<unsigned short>(NLM_F_REQUEST | flags);
  head.nlmsg_seq = number + 1;
  ifaddrmsg body{};
  body.ifa_family = static_cast<unsigned char>(family);
  body.ifa_prefixlen = family == AF_INET ? 32 : 128;
  body.ifa_index = if_nametoindex("lo");
  std::string out(reinterpret_cast<const char*>(&head), sizeof head);
  out.append(reinterpret_cast<const char*>(&body), sizeof body);
  const auto bytes = address(family, number);
  attribute(out, IFA_LOCAL, bytes.data(), bytes.size());
  attribute(out, IFA_ADDRESS, bytes.data(), bytes.size());
  if (type == RTM_NEWADDR && family == AF_INET6) {
    const std::uint32_t no_dad = IFA_F_NODAD | IFA_F_NOPREFIXROUTE;
    attribute(out, IFA_FLAGS, &no_dad, sizeof no_dad);
  }
  if (lease != 0) {
    ifa_cacheinfo lifetime{};
    lifetime.ifa_valid = lifetime.ifa_prefered = lease;
    attribute(out, IFA_CACHEINFO, &lifetime, sizeof lifetime);
  }
  const auto length = static_cast<std::uint32_t>(out.size());
  std::memcpy(out.data(), &length, sizeof length);
  return out;
}

std::string requests(unsigned short type, unsigned short flags, int family, unsigned count,
                     std::uint32_t lease) {
  std::string out;
  for (unsigned i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    out += request(type, static_cast<unsigned short>(flags | (last ? NLM_F_ACK : 0)), family, i, lease);
  }
  return out;
}

// Until the answer to the last.
void send_all(int fd, const std::string& batch, unsigned count) {
  if (send(fd, batch.data(), batch.size(), 0) < 0) fail("send");
  alignas(nlmsghdr) char buffer[65536];
  for (;;) {
    auto length = static_cast<int>(recv(fd, buffer, sizeof buffer, 0));
    if (length < 0) fail("recv");
    for (auto* head = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(head, static_cast<unsigned>(length));
         head = NLMSG_NEXT(head, length)) {
      if (head->nlmsg_type != NLMSG_ERROR) continue;
      const int error = -static_cast<nlmsgerr*>(NLMSG_DATA(head))->error;
      if (error != 0) errno = error, fail("the kernel");
      if (head->nlmsg_seq == count) return;
    }
  }
}

void batch(int family, unsigned count, std::uint32_t lease) {
  const int fd = open_netlink(0);
  const auto add = requests(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, family, count, lease);
  const auto remove = requests(RTM_DELADDR, 0, family, count, 0);
  for (const auto* all : {&add, &remove}) {
    if (std::getchar() == EOF) return;
    const auto begin = now();
    const auto cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    send_all(fd, *all, count);
    std::printf("%lld %lld %lld\n", begin, now(), now(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    std::fflush(stdout);
  }
}

void renew(int family, unsigned count, double seconds, std::uint32_t lease) {
  const int fd = open_netlink(0);
  send_all(fd, requests(RTM_NEWADDR, NLM_F_CREATE, family, count, lease), count);
  const auto again = requests(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, family, count, lease);
  std::puts("there");
  std::fflush(stdout);
  for (;;) {
    usleep(static_cast<useconds_t>(seconds * 1e6));
    send_all(fd, again, count);
  }
}

void watch(std::size_t count) {
  // Before all others, or on a busy machine it is told of many at once, and late.
  const sched_param first_of_all{1};
  sched_setscheduler(0, SCHED_FIFO, &first_of_all);
  const int fd = open_netlink(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  std::unordered_set<std::string> there;
  std::vector<char> buffer(1 << 20);
  long long first = 0;
  std::puts("watching");
  std::fflush(stdout);
  for (;;) {
    auto length = static_cast<int>(recv(fd, buffer.data(), buffer.size(), 0));
    const auto at = now();
    if (length < 0) fail("recv");
    for (auto* head = reinterpret_cast<nlmsghdr*>(buffer.data());
         NLMSG_OK(head, static_cast<unsigned>(length)); head = NLMSG_NEXT(head, length)) {
      if (head->nlmsg_type != RTM_NEWADDR && head->nlmsg_type != RTM_DELADDR) continue;
      const auto* body = static_cast<const ifaddrmsg*>(NLMSG_DATA(head));
      const auto* at_address = reinterpret_cast<const char*>(body + 1) + sizeof(rtattr);
      const std::string number(at_address, body->ifa_family == AF_INET ? 4 : 16);
      const bool came = head->nlmsg_type == RTM_NEWADDR;
      if (came ? !there.insert(number).second : there.erase(number) == 0) continue;
      if (first == 0) first = at;
      if (count != 0 && there.size() != (came ? count : 0)) continue;
      std::printf("%s %lld %lld\n", came ? "in" : "out", first, at);
      std::fflush(stdout);
      first = 0;
    }
  }
}

// Questions that nobody takes, one after the other: what the kernel needs for them alone.
void refused(unsigned first, unsigned count) {
  const auto began = now();
  for (unsigned i = 0; i < count; ++i) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(static_cast<std::uint16_t>(first + i));
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 ? 0 : errno;
    socklen_t size = sizeof error;
    if (error == EINPROGRESS) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != ECONNREFUSED) fail("nobody refuses");
    close(fd);
  }
  std::printf("%lld\n", now() - began);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 1 ? argv[1] : "";
  const auto number = [&](int at) { return static_cast<unsigned>(std::atoi(argv[at])); };
  if (how == "watch" && argc == 3) {
    watch(number(2));
  } else if (how == "batch" && argc == 5) {
    batch(number(2) == 4 ? AF_INET : AF_INET6, number(3), number(4));
  } else if (how == "renew" && argc == 6) {
    renew(number(2) == 4 ? AF_INET : AF_INET6, number(3), std::atof(argv[4]), number(5));
  } else if (how == "refused" && argc == 4) {
    refused(number(2), number(3));
  } else {
    std::fputs(
        "usage: netlink batch 4|6 COUNT LEASE | renew 4|6 COUNT SECONDS LEASE | watch COUNT | "
        "refused FIRST COUNT\n",
        stderr);
    return 64;
  }
}
