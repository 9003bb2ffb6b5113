#include "link_watch.hpp"

#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include "netlink_message.hpp"

namespace anyprobe {
namespace {

constexpr int kBuffer = 256 * 1024;
constexpr int kDatagramsAPass = 256;

}  // namespace

LinkWatch::LinkWatch(EventLoop& loop, std::function<void(const std::string&)> down)
    : down_(std::move(down)), readable_(loop, [this](int) { read(); }) {
  try {
    socket_ = std::make_unique<NetlinkSocket>(kBuffer);
    socket_->set_nonblocking();
    socket_->join(RTNLGRP_LINK);
    readable_.start(socket_->fd(), Io::kRead);
  } catch (const std::runtime_error&) {
    socket_.reset();  // whoever holds the addresses watches too; only the question at once is lost
  }
}

void LinkWatch::read() {
  for (int i = 0; i < kDatagramsAPass; ++i) {
    const int error = socket_->receive([this](nlmsghdr& message) {
      const bool gone = message.nlmsg_type == RTM_DELLINK;
      if (!gone && message.nlmsg_type != RTM_NEWLINK) return true;
      const auto link = parse_link(message);
      if (!link) return true;
      const bool up = !gone && link->up && link->carrier;
      const auto [known, is_new] = up_.emplace(link->name, up);
      const bool was_up = is_new || std::exchange(known->second, up);
      if (gone) up_.erase(known);
      if (!up && was_up) down_(link->name);
      return true;
    });
    // What is lost is found by the questions that are due in any case.
    if (error == EAGAIN) return;
  }
}

}  // namespace anyprobe
