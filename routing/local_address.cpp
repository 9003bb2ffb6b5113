#include "local_address.hpp"

#include <linux/rtnetlink.h>

#include <cstddef>
#include <stdexcept>
#include <vector>

#include "netlink_request.hpp"
#include "netlink_socket.hpp"

namespace anyprobe {
namespace {

constexpr int kBuffer = 32 * 1024;
constexpr std::chrono::milliseconds kPatience(100);  // the kernel answers inside of send()

std::vector<std::byte> make_question(const IpAddress& address) {
  Request request({0, 1, 0}, RTM_GETROUTE);
  rtmsg body{};
  body.rtm_family = static_cast<unsigned char>(address.socket_family());
  body.rtm_dst_len = address.bits();
  request.header(body);
  request.attribute(RTA_DST, address);
  std::vector<std::byte> out;
  request.append_to(out);
  return out;
}

}  // namespace

bool is_local_address(const IpAddress& address) {
  bool local = false;
  try {
    NetlinkSocket socket(kBuffer);
    socket.set_receive_timeout(kPatience);
    if (socket.send(make_question(address)) != 0) return false;
    static_cast<void>(socket.receive([&](nlmsghdr& message) {
      rtmsg route{};
      local = local || (message.nlmsg_type == RTM_NEWROUTE && read_header(message, route) &&
                        route.rtm_type == RTN_LOCAL);
      return true;
    }));
  } catch (const std::runtime_error&) {
    return false;
  }
  return local;
}

}  // namespace anyprobe
