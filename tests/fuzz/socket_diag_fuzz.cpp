// Whatever netlink brings, what is read of a closed socket is in bounds, and of TCP or UDP.
#include <linux/netlink.h>
#include <netlink/msg.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "routing/socket_diag.hpp"

using namespace anyprobe;

namespace {

void demand(bool good) {
  if (!good) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint32_t> aligned((size + 3) / 4);
  if (size != 0) std::memcpy(aligned.data(), data, size);
  int rest = static_cast<int>(size);
  for (auto* message = reinterpret_cast<nlmsghdr*>(aligned.data()); nlmsg_ok(message, rest) != 0;
       message = nlmsg_next(message, &rest)) {
    const auto closed = parse_closed_socket(*message);
    const auto bound = parse_bound_socket(*message);
    demand(!bound || bound->address.port != 0);
    demand(!closed || closed->protocol == Protocol::tcp || closed->protocol == Protocol::udp);
  }

  // The octets as ports: as many as there are, and none is missed.
  std::set<std::uint16_t> ports;
  for (std::size_t i = 0; i + 1 < size; i += 2)
    ports.insert(static_cast<std::uint16_t>(data[i] << 8U | data[i + 1]));
  const auto filter = make_port_filter(ports);
  demand(!filter.empty() && filter.size() <= BPF_MAXINSNS);
  return 0;
}
