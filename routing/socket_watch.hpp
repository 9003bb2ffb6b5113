// The kernel's word that a socket of this host is closed, as it happens: SOCK_DIAG's destroy groups. Needs no
// privilege.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "core/closed_socket.hpp"
#include "core/event_loop.hpp"
#include "netlink_socket.hpp"

namespace anyprobe {

class SocketWatch {
 public:
  struct Handlers {
    std::function<void(const ClosedSocket&)> closed;
    std::function<void()> lost;                        // some were not told of, and which is not known
    std::function<void(const std::string& why)> deaf;  // none will be told of; called once at most
  };

  SocketWatch(EventLoop& loop, Handlers handlers);
  SocketWatch(const SocketWatch&) = delete;
  SocketWatch& operator=(const SocketWatch&) = delete;

  // What was told of other ports until now may still come; so may some of ports between them.
  void watch(const std::set<std::uint16_t>& ports);

 private:
  std::string open();  // what is wrong, as attach()
  bool knows(int family, int protocol);
  std::string attach();
  void read();

  Handlers handlers_;
  std::set<std::uint16_t> ports_;
  bool deaf_ = false;
  std::uint32_t sequence_ = 0;
  std::unique_ptr<NetlinkSocket> socket_;
  Io readable_;
};

}  // namespace anyprobe
