// Interfaces that go down, as it happens, by name. Needs no privilege.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/event_loop.hpp"
#include "netlink_socket.hpp"

namespace anyprobe {

class LinkWatch {
 public:
  // `down`: one that was up, or has not been told of before, is set down, has lost its carrier, or is gone.
  LinkWatch(EventLoop& loop, std::function<void(const std::string& name)> down);
  LinkWatch(const LinkWatch&) = delete;
  LinkWatch& operator=(const LinkWatch&) = delete;

 private:
  void read();

  std::function<void(const std::string&)> down_;
  std::map<std::string, bool> up_;         // of those that were told of
  std::unique_ptr<NetlinkSocket> socket_;  // null: nothing is told of
  Io readable_;
};

}  // namespace anyprobe
