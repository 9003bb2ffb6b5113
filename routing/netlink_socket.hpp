// A netlink socket of libnl's, and the datagrams that pass through it.
#pragma once

#include <linux/netlink.h>
#include <netlink/netlink.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

struct nlmsghdr;
struct sock_filter;

namespace anyprobe {

class NetlinkSocket {
 public:
  // Asks for buffers of `buffer` octets each way; without CAP_NET_ADMIN the kernel may give less.
  // Throws std::runtime_error.
  explicit NetlinkSocket(int buffer, int protocol = NETLINK_ROUTE);

  void join(int group);  // throws std::runtime_error
  void leave(int group);
  // What the kernel is to hand over, in place of what it was told before. 0, or errno.
  [[nodiscard]] int filter(std::span<const sock_filter> steps);
  // Of changes to addresses and routes that were asked for through this port the kernel tells no more. Where
  // it cannot do that it tells of all.
  void leave_out(std::uint32_t port);
  void set_nonblocking();                                       // throws std::runtime_error
  void set_receive_timeout(std::chrono::milliseconds timeout);  // throws std::runtime_error

  [[nodiscard]] int fd() const { return nl_socket_get_fd(socket_.get()); }
  [[nodiscard]] std::uint32_t port() const { return nl_socket_get_local_port(socket_.get()); }
  [[nodiscard]] std::size_t send_room() const { return send_room_; }
  [[nodiscard]] std::size_t receive_room() const { return receive_room_; }

  // 0, or errno.
  [[nodiscard]] int send(std::span<const std::byte> datagram);
  // Hands each message of one datagram to `take`, which says whether it wants more of them. 0, or errno:
  // EAGAIN where none came, ENOBUFS where some were lost.
  [[nodiscard]] int receive(const std::function<bool(nlmsghdr&)>& take);

 private:
  struct Close {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
  };

  std::unique_ptr<nl_sock, Close> socket_;
  std::size_t send_room_ = 0;
  std::size_t receive_room_ = 0;
  std::unique_ptr<std::byte[]> datagram_;  // memory that nothing was put into costs nothing
};

}  // namespace anyprobe
