// What the kernel tells of changes to addresses, links and routes, but for those that the table made itself.
#pragma once

#include <cstdint>
#include <functional>

#include "core/event_loop.hpp"
#include "netlink_socket.hpp"
#include "netlink_table.hpp"
#include "route_table.hpp"

namespace anyprobe {

// Of the network namespace that the process was in when the monitor was made.
class NetlinkMonitor : public RouteMonitor {
 public:
  // The loop and the table outlive the monitor. Throws std::runtime_error.
  // `buffer`, in octets: what waits to be read; more is an event of kind `lost`.
  NetlinkMonitor(EventLoop& loop, const NetlinkTable& table, int buffer = kBuffer);

  void start(std::function<void(const TableEvent&)> on_event) override;
  void watch_routes(bool wanted) override;

 private:
  static constexpr int kBuffer = 4 * 1024 * 1024;

  void read();
  void take(nlmsghdr& message);
  void leave_out_own();

  const NetlinkTable& table_;
  NetlinkSocket socket_;
  Io readable_;
  std::function<void(const TableEvent&)> on_event_;
  bool overrun_ = false;
  std::uint32_t left_out_ = 0;
};

}  // namespace anyprobe
