// Routes as rtnetlink has them (rtnetlink(7), linux/rtnetlink.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "netlink_message.hpp"
#include "route_table.hpp"

namespace anyprobe {

void append_route(std::vector<std::byte>& batch, const RequestHead& head, int type, const AddRoute& route);
void append_lingering(std::vector<std::byte>& batch, const RequestHead& head, int type,
                      const AddLingering& add);
// Says all that is known of it, so that what took its place stays.
void append_removal(std::vector<std::byte>& batch, const RequestHead& head, const SeenRoute& seen);

// Filters of a dump; 0: any. The kernel heeds them only on a socket with NETLINK_GET_STRICT_CHK (4.20); on an
// older one the caller gets more than it asked for.
struct RouteFilter {
  Family family = Family::ipv4;
  std::uint32_t table = 0;
  std::uint8_t protocol = 0;
  int index = 0;  // of a device that at least one next hop goes through
};
void append_dump_of_routes(std::vector<std::byte>& batch, const RequestHead& head, const RouteFilter& filter);

// RTM_NEWROUTE, RTM_DELROUTE. Without the name of its device. Empty where it is none of a table: an entry of
// the cache, of another family or with a TOS.
std::optional<SeenRoute> parse_route(nlmsghdr& message);

}  // namespace anyprobe
