#include "netlink_monitor.hpp"

#include <linux/rtnetlink.h>

#include <cerrno>
#include <utility>

#include "netlink_message.hpp"

namespace anyprobe {
namespace {

constexpr int kDatagramsAPass = 1024;

}  // namespace

NetlinkMonitor::NetlinkMonitor(EventLoop& loop, const NetlinkTable& table, int buffer)
    : table_(table), socket_(buffer), readable_(loop, [this](int) { read(); }) {
  socket_.set_nonblocking();
  for (const int group : {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK}) socket_.join(group);
}

void NetlinkMonitor::start(std::function<void(const TableEvent&)> on_event) {
  on_event_ = std::move(on_event);
  readable_.start(socket_.fd(), Io::kRead);
}

void NetlinkMonitor::read() {
  for (int i = 0; i < kDatagramsAPass; ++i) {
    const int error = socket_.receive([this](nlmsghdr& message) {
      take(message);
      return true;
    });
    if (error == 0) continue;
    // The kernel says once that it dropped something, and goes on dropping until the queue is empty. Only
    // what is read from the tables after that is whole.
    if (error == EAGAIN && !std::exchange(overrun_, false)) return;
    if (error != EAGAIN) overrun_ = true;
    on_event_({TableEvent::Kind::lost});
    if (error == EAGAIN) return;
  }
}

void NetlinkMonitor::take(nlmsghdr& message) {
  if (message.nlmsg_pid != 0 && table_.is_own(message.nlmsg_pid)) return;
  if (message.nlmsg_type == RTM_NEWADDR || message.nlmsg_type == RTM_DELADDR) {
    if (const auto address = parse_address(message)) {
      on_event_({TableEvent::Kind::address,
                 address->index,
                 address->prefix,
                 {},
                 message.nlmsg_type == RTM_DELADDR,
                 table_.is_as_made(*address)});
    }
  } else if (message.nlmsg_type == RTM_NEWLINK || message.nlmsg_type == RTM_DELLINK) {
    if (auto link = parse_link(message)) {
      on_event_({TableEvent::Kind::link, link->index, {}, std::move(link->name)});
    }
  }
}

}  // namespace anyprobe
