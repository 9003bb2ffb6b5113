#include "local_address.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <cstddef>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "netlink_socket.hpp"

namespace anyprobe {
namespace {

constexpr int kBuffer = 32 * 1024;
constexpr std::chrono::milliseconds kPatience(100);  // the kernel answers inside of send()

std::vector<std::byte> make_question(const IpAddress& address) {
  const auto bytes = address.bytes();
  nlmsghdr head{};
  head.nlmsg_type = RTM_GETROUTE;
  head.nlmsg_flags = NLM_F_REQUEST;
  head.nlmsg_seq = 1;
  head.nlmsg_len = static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(bytes.size()));
  rtmsg body{};
  body.rtm_family = static_cast<unsigned char>(address.socket_family());
  body.rtm_dst_len = address.bits();
  rtattr attribute{};
  attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(bytes.size()));
  attribute.rta_type = RTA_DST;
  std::vector<std::byte> out(head.nlmsg_len);
  std::memcpy(out.data(), &head, sizeof head);
  std::memcpy(out.data() + NLMSG_HDRLEN, &body, sizeof body);
  std::memcpy(out.data() + NLMSG_LENGTH(sizeof body), &attribute, sizeof attribute);
  std::memcpy(out.data() + NLMSG_LENGTH(sizeof body) + RTA_LENGTH(0), bytes.data(), bytes.size());
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
      const bool whole = nlmsg_valid_hdr(&message, sizeof route) != 0;
      if (message.nlmsg_type == RTM_NEWROUTE && whole)
        std::memcpy(&route, nlmsg_data(&message), sizeof route);
      local = local || route.rtm_type == RTN_LOCAL;
      return true;
    }));
  } catch (const std::runtime_error&) {
    return false;
  }
  return local;
}

}  // namespace anyprobe
