// The kernel's addresses, routes and links over rtnetlink: read by dump, changed in batches. Of the network
// namespace that the process was in when the table was made.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "netlink_message.hpp"
#include "netlink_route.hpp"
#include "netlink_socket.hpp"
#include "route_table.hpp"

namespace anyprobe {

// Blocks, as long as the kernel takes: some milliseconds for a thousand addresses, kAnswerTimeout at worst.
// Needs CAP_NET_ADMIN when it is made and at each apply(); read() needs nothing.
// Our addresses: IPv4 of scope global with a label, IPv6 without duplicate detection and deprecated, so that
// they serve at once and are never a source; neither brings a route for its subnet.
// Our routes: unicast, of scope link where there is no gateway.
class NetlinkTable : public RouteTable {
 public:
  static constexpr std::chrono::milliseconds kAnswerTimeout{3000};

  NetlinkTable();  // throws std::runtime_error

  Outcome<Snapshot> read(const ReadScope& scope) override;
  Outcome<Snapshot> read() { return read({}); }
  // Adding an address that is there and removing what is not are successes. A route that is there already of
  // the same prefix, table and metric is an error: it may be anybody's.
  std::vector<ChangeResult> apply(std::span<const Change> changes) override;

  // Whether a notification that names this port tells of a change of ours.
  // The kernel names it for IPv4; for IPv6 it is always 0.
  [[nodiscard]] bool is_own(std::uint32_t port) const { return port == socket_->port(); }
  [[nodiscard]] std::uint32_t port() const { return socket_->port(); }  // another once an answer has not come
  [[nodiscard]] bool is_as_made(const RawAddress& address) const;

 private:
  using Message = std::function<void(nlmsghdr&)>;
  using Ask = std::function<void(std::vector<std::byte>& batch, const RequestHead& head)>;

  int dump(std::span<const std::byte> request, std::uint32_t sequence, const Message& take);
  int dump_whole(const Ask& ask, bool& torn, const std::function<void()>& begin, const Message& take);
  int read_routes(const ReadScope& scope, Snapshot& out);
  int dump_routes(const RouteFilter& filter, bool& torn, const std::function<bool(const SeenRoute&)>& wanted,
                  std::vector<SeenRoute>& out);
  int find_out_about_links(const std::set<std::string>& names, Snapshot& out);
  void send_all(std::span<const Change> changes, std::span<ChangeResult> results);
  std::size_t send_batch(std::span<const Change> changes, std::span<ChangeResult> results);
  void collect(std::uint32_t first, std::span<const Change> changes, std::span<ChangeResult> results);
  void settle(const Change& change, const KernelAnswer& answer, ChangeResult& result);
  KernelAnswer spare_neighbours(int index);
  int reopen_after(int error);

  std::unique_ptr<NetlinkSocket> socket_;  // never null
  std::uint32_t sequence_ = 0;
  OwnMarks marks_;
};

}  // namespace anyprobe
