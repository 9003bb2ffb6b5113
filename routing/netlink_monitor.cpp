#include "netlink_monitor.hpp"

#include <linux/rtnetlink.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "netlink_message.hpp"
#include "netlink_route.hpp"

namespace anyprobe {
namespace {

constexpr int kDatagramsAPass = 1024;

// The kernel names the netlink port that asked for a change (not for addresses of IPv6), which is mostly the
// number of the process.
std::string name_of(std::uint32_t port) {
  if (port == 0) return {};
  std::string name;
  std::ifstream file("/proc/" + std::to_string(port) + "/comm");
  if (!std::getline(file, name)) return {};
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return name + ", process " + std::to_string(port);
}

}  // namespace

NetlinkMonitor::NetlinkMonitor(EventLoop& loop, const NetlinkTable& table, int buffer)
    : table_(table), socket_(buffer), readable_(loop, [this](int) { read(); }) {
  socket_.set_nonblocking();
  for (const int group : {RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK}) socket_.join(group);
}

// Ten thousand addresses are renewed every few seconds: each echo would be copied, and wake us up.
void NetlinkMonitor::leave_out_own() {
  if (table_.port() == left_out_) return;
  left_out_ = table_.port();
  socket_.leave_out(left_out_);
}

void NetlinkMonitor::start(std::function<void(const TableEvent&)> on_event) {
  on_event_ = std::move(on_event);
  leave_out_own();
  readable_.start(socket_.fd(), Io::kRead);
}

void NetlinkMonitor::watch_routes(bool wanted) {
  for (const int group : {RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE}) {
    if (!wanted) {
      socket_.leave(group);
      continue;
    }
    try {
      socket_.join(group);
    } catch (const std::runtime_error&) {
      return;  // the compare that comes from time to time will do
    }
  }
}

void NetlinkMonitor::read() {
  leave_out_own();
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
  const bool link = message.nlmsg_type == RTM_NEWLINK || message.nlmsg_type == RTM_DELLINK;
  // What we do to a link has consequences of its own: routes and IPv6 addresses go with it.
  if (!link && message.nlmsg_pid != 0 && table_.is_own(message.nlmsg_pid)) return;
  if (message.nlmsg_type == RTM_NEWADDR || message.nlmsg_type == RTM_DELADDR) {
    if (const auto address = parse_address(message)) {
      TableEvent event{TableEvent::Kind::address, address->index, address->prefix};
      event.gone = message.nlmsg_type == RTM_DELADDR;
      event.ours = table_.is_as_made(*address);
      if (event.gone && event.ours) event.by = name_of(message.nlmsg_pid);
      on_event_(event);
    }
  } else if (link) {
    if (auto seen = parse_link(message)) {
      on_event_({TableEvent::Kind::link, seen->index, {}, std::move(seen->name)});
    }
  } else if (message.nlmsg_type == RTM_NEWROUTE || message.nlmsg_type == RTM_DELROUTE) {
    if (const auto route = parse_route(message)) {
      TableEvent event{TableEvent::Kind::route, route->index, route->prefix};
      event.gone = message.nlmsg_type == RTM_DELROUTE;
      event.ours = route->ours;
      event.table = route->table;
      if (event.gone && event.ours) event.by = name_of(message.nlmsg_pid);
      on_event_(event);
    }
  }
}

}  // namespace anyprobe
