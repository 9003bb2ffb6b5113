#include "netlink_socket.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <system_error>

namespace anyprobe {
namespace {

constexpr std::size_t kDatagramRoom = std::size_t{64} * 1024;  // the kernel's dumps are of 32 KiB at most

[[noreturn]] void fail(const char* what, int nl_error) {
  throw std::runtime_error(std::string("netlink: ") + what + ": " + nl_geterror(nl_error));
}

void set_option(int fd, int level, int name, int value) {
  // What an older kernel does not know costs a text in an error, no more.
  static_cast<void>(setsockopt(fd, level, name, &value, sizeof value));
}

std::size_t grow(int fd, int forced, int plain, int wanted) {
  if (setsockopt(fd, SOL_SOCKET, forced, &wanted, sizeof wanted) != 0) {
    set_option(fd, SOL_SOCKET, plain, wanted);
  }
  int got = 0;
  socklen_t length = sizeof got;
  if (getsockopt(fd, SOL_SOCKET, plain, &got, &length) != 0 || got < 0) return 0;
  return static_cast<std::size_t>(got);
}

}  // namespace

NetlinkSocket::NetlinkSocket(int buffer, int protocol)
    : socket_(nl_socket_alloc()), datagram_(std::make_unique_for_overwrite<std::byte[]>(kDatagramRoom)) {
  if (!socket_) throw std::runtime_error("netlink: out of memory");
  if (const int error = nl_connect(socket_.get(), protocol); error < 0) fail("no socket", error);
  // nl_connect made both buffers 32 KiB, so they are enlarged after it.
  send_room_ = grow(fd(), SO_SNDBUFFORCE, SO_SNDBUF, buffer);
  receive_room_ = grow(fd(), SO_RCVBUFFORCE, SO_RCVBUF, buffer);
  set_option(fd(), SOL_NETLINK, NETLINK_CAP_ACK, 1);
  set_option(fd(), SOL_NETLINK, NETLINK_EXT_ACK, 1);
  set_option(fd(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);  // dumps are filtered by the kernel
}

void NetlinkSocket::join(int group) {
  if (const int error = nl_socket_add_membership(socket_.get(), group); error < 0) fail("no group", error);
}

void NetlinkSocket::leave(int group) {
  static_cast<void>(nl_socket_drop_membership(socket_.get(), group));
}

int NetlinkSocket::filter(std::span<const sock_filter> steps) {
  // It is only read.
  const sock_fprog program{static_cast<unsigned short>(steps.size()), const_cast<sock_filter*>(steps.data())};
  return setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 ? 0 : errno;
}

// The filter reads numbers as if they were in the order of the network.
void NetlinkSocket::leave_out(std::uint32_t port) {
  constexpr auto kEqual = static_cast<std::uint16_t>(BPF_JMP | BPF_JEQ | BPF_K);
  constexpr auto kReturn = static_cast<std::uint16_t>(BPF_RET | BPF_K);
  constexpr std::uint32_t kAll = 0xffffffff;
  const sock_filter program[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(nlmsghdr, nlmsg_pid)},
      {kEqual, 0, 5, htonl(port)},
      {BPF_LD | BPF_H | BPF_ABS, 0, 0, offsetof(nlmsghdr, nlmsg_type)},
      {kEqual, 4, 0, htons(RTM_NEWADDR)},
      {kEqual, 3, 0, htons(RTM_DELADDR)},
      {kEqual, 2, 0, htons(RTM_NEWROUTE)},
      {kEqual, 1, 0, htons(RTM_DELROUTE)},
      {kReturn, 0, 0, kAll},
      {kReturn, 0, 0, 0},
  };
  static_cast<void>(filter(program));
}

void NetlinkSocket::set_nonblocking() {
  if (const int error = nl_socket_set_nonblocking(socket_.get()); error < 0) fail("not non-blocking", error);
}

void NetlinkSocket::set_receive_timeout(std::chrono::milliseconds timeout) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timeval value{seconds.count(), std::chrono::microseconds(timeout - seconds).count()};
  if (setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &value, sizeof value) != 0) {
    throw std::system_error(errno, std::generic_category(), "netlink: SO_RCVTIMEO");
  }
}

int NetlinkSocket::send(std::span<const std::byte> datagram) {
  while (::send(fd(), datagram.data(), datagram.size(), 0) < 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

// nl_recv would allocate for each datagram, and give ENOBUFS and ENOMEM the same name.
int NetlinkSocket::receive(const std::function<bool(nlmsghdr&)>& take) {
  sockaddr_nl from{};
  socklen_t from_length = sizeof from;
  ssize_t length = 0;
  do {
    length = recvfrom(fd(), datagram_.get(), kDatagramRoom, MSG_TRUNC, reinterpret_cast<sockaddr*>(&from),
                      &from_length);
  } while (length < 0 && errno == EINTR);
  if (length < 0) return errno;
  if (static_cast<std::size_t>(length) > kDatagramRoom) return ENOBUFS;
  if (from.nl_pid != 0) return 0;  // another process, not the kernel
  int rest = static_cast<int>(length);
  for (auto* message = reinterpret_cast<nlmsghdr*>(datagram_.get()); nlmsg_ok(message, rest) != 0;
       message = nlmsg_next(message, &rest)) {
    if (!take(*message)) break;
  }
  return 0;
}

}  // namespace anyprobe
