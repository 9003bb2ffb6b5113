#include "socket_watch.hpp"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "netlink_message.hpp"
#include "socket_diag.hpp"

namespace anyprobe {
namespace {

constexpr int kBuffer = 1024 * 1024;
constexpr int kDatagramsAPass = 1024;

}  // namespace

SocketWatch::SocketWatch(EventLoop& loop, Handlers handlers)
    : handlers_(std::move(handlers)), readable_(loop, [this](int) { read(); }) {}

void SocketWatch::watch(const std::set<std::uint16_t>& ports) {
  if (deaf_ || ports == ports_) return;
  ports_ = ports;
  std::string wrong;
  try {
    wrong = socket_ == nullptr ? open() : attach();
  } catch (const std::runtime_error& error) {
    wrong = error.what();
  }
  if (wrong.empty()) return;
  readable_.stop();
  socket_.reset();
  deaf_ = true;
  handlers_.deaf(wrong);
}

std::string SocketWatch::open() {
  socket_ = std::make_unique<NetlinkSocket>(kBuffer, NETLINK_SOCK_DIAG);
  socket_->set_nonblocking();
  // One that lacks the kind can be asked for it, and grants the groups all the same.
  for (const int family : {AF_INET, AF_INET6}) {
    for (const int protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
      if (!knows(family, protocol)) return "it has no INET_DIAG for TCP and UDP";
    }
  }
  // Before the groups, so that nothing else comes.
  if (auto wrong = attach(); !wrong.empty()) return wrong;
  for (const int group : {SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET_UDP_DESTROY, SKNLGRP_INET6_TCP_DESTROY,
                          SKNLGRP_INET6_UDP_DESTROY}) {
    socket_->join(group);
  }
  readable_.start(socket_->fd(), Io::kRead);
  return {};
}

// The kernel answers inside of send().
bool SocketWatch::knows(int family, int protocol) {
  const auto sequence = ++sequence_;
  if (socket_->send(make_empty_question({socket_->port(), sequence, 0}, family, protocol)) != 0) return false;
  bool done = false;
  bool granted = false;
  while (!done) {
    const int error = socket_->receive([&](nlmsghdr& message) {
      if (message.nlmsg_seq != sequence) return true;
      done = message.nlmsg_type == NLMSG_DONE || message.nlmsg_type == NLMSG_ERROR;
      int status = 0;
      if (message.nlmsg_type == NLMSG_DONE && nlmsg_datalen(&message) >= static_cast<int>(sizeof status))
        std::memcpy(&status, nlmsg_data(&message), sizeof status);
      granted = message.nlmsg_type == NLMSG_DONE && status == 0;
      return !done;
    });
    if (error != 0) return false;
  }
  return granted;
}

std::string SocketWatch::attach() {
  const int error = socket_->filter(make_port_filter(ports_));
  return error == 0 ? std::string() : std::string("its socket takes no filter: ") + std::strerror(error);
}

void SocketWatch::read() {
  for (int i = 0; i < kDatagramsAPass; ++i) {
    const int error = socket_->receive([this](nlmsghdr& message) {
      if (const auto closed = parse_closed_socket(message); closed && ports_.contains(closed->at.port))
        handlers_.closed(*closed);
      return true;
    });
    if (error == EAGAIN) return;
    if (error != 0) handlers_.lost();
  }
}

}  // namespace anyprobe
