// A socket of this host that the kernel says is closed, and whose service that may have been.
#pragma once

#include "probe.hpp"

namespace anyprobe {

// One that nobody was connected to by it: it listened, or took datagrams.
struct ClosedSocket {
  Protocol protocol = Protocol::tcp;  // or udp
  SocketAddress at;                   // of an address that is not specified: it took what came to any

  friend bool operator==(const ClosedSocket&, const ClosedSocket&) = default;
};

// Whether it may have been what answers there, if that is an address of this host. One of IPv6 that took what
// came to any address may have taken IPv4 too (RFC 3493, section 3.7).
[[nodiscard]] bool may_have_answered(const ClosedSocket& closed, const Endpoint& endpoint);
// It did so for any address, so that nothing says that the endpoint is of this host.
[[nodiscard]] bool took_any(const ClosedSocket& closed);

}  // namespace anyprobe
