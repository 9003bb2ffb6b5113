// What the kernel tells of sockets by SOCK_DIAG (linux/sock_diag.h, linux/inet_diag.h; sock_diag(7)). Pure.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "core/closed_socket.hpp"
#include "netlink_message.hpp"

struct nlmsghdr;

namespace anyprobe {

// Empty where it is none of TCP or UDP, or was connected to somebody. One of IPv6 that took IPv4 alone
// (::ffff:192.0.2.1) is told as one of IPv4.
std::optional<ClosedSocket> parse_closed_socket(nlmsghdr& message);

// One that is bound and connected to nobody, as a list tells of it.
struct BoundSocket {
  SocketAddress address;
  bool takes_ipv4 = true;  // of IPv6: IPv4 too (no IPV6_V6ONLY)

  friend bool operator==(const BoundSocket&, const BoundSocket&) = default;
};
std::optional<BoundSocket> parse_bound_socket(nlmsghdr& message);

// A filter for a netlink socket: it lets through what is told of sockets that are bound to one of these ports
// and connected to nobody. Of very many ports that lie apart it lets through some between them too, since the
// kernel takes 4,096 steps at most.
std::vector<sock_filter> make_port_filter(const std::set<std::uint16_t>& ports);

// Asks for no socket of this kind, which a kernel that knows the kind grants.
std::vector<std::byte> make_empty_question(const RequestHead& head, int family, int protocol);
// Asks for the sockets in these states, a bit each (1 << TCP_LISTEN).
std::vector<std::byte> make_socket_question(const RequestHead& head, int family, int protocol,
                                            std::uint32_t states);

}  // namespace anyprobe
