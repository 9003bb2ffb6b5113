#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <stdexcept>

#include "doctor_network.hpp"
#include "link_facts.hpp"
#include "netlink_request.hpp"
#include "netlink_socket.hpp"
#include "netlink_table.hpp"

namespace anyprobe {
namespace {

constexpr int kBuffer = 1024 * 1024;
constexpr std::chrono::seconds kPatience(3);

// Empty, or why not.
std::string list(int protocol, const std::function<void(std::vector<std::byte>&, const RequestHead&)>& ask,
                 const std::function<void(nlmsghdr&)>& take) {
  try {
    NetlinkSocket socket(kBuffer, protocol);
    socket.set_receive_timeout(kPatience);
    std::vector<std::byte> request;
    ask(request, {socket.port(), 1, 0});
    if (const int error = socket.send(request); error != 0) return std::strerror(error);
    int refused = 0;
    for (bool done = false; !done;) {
      const int error = socket.receive([&](nlmsghdr& message) {
        if (message.nlmsg_type == NLMSG_ERROR) refused = parse_answer(message).error;
        done = message.nlmsg_type == NLMSG_ERROR || message.nlmsg_type == NLMSG_DONE;
        if (!done) take(message);
        return !done;
      });
      if (error != 0) return std::strerror(error);
    }
    return refused == 0 ? std::string() : std::strerror(refused);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

std::optional<int> setting(const std::string& interface, const char* name) {
  std::ifstream file("/proc/sys/net/ipv4/conf/" + interface + "/" + name);
  int value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

std::optional<int> larger(const std::string& interface, const char* name) {
  const auto own = setting(interface, name);
  return own ? std::optional(std::max(*own, setting("all", name).value_or(0))) : own;
}

struct RawLink {
  HostLink link;
  int master = 0;
  bool is_vrf = false;
};

void read_link(nlmsghdr& message, std::map<int, RawLink>& out) {
  ifinfomsg header{};
  const auto seen = message.nlmsg_type == RTM_NEWLINK ? parse_link(message) : std::nullopt;
  if (!seen || !read_header(message, header)) return;
  RawLink raw{{seen->name, seen->up, seen->loopback}};
  raw.link.asks_by_arp = (header.ifi_flags & IFF_BROADCAST) != 0 && (header.ifi_flags & IFF_NOARP) == 0;
  if (auto* master = nlmsg_find_attr(&message, sizeof header, IFLA_MASTER);
      master != nullptr && nla_len(master) >= 4)
    raw.master = static_cast<int>(nla_get_u32(master));
  if (auto* info = nlmsg_find_attr(&message, sizeof header, IFLA_LINKINFO); info != nullptr)
    raw.is_vrf =
        text_in(nla_find(static_cast<nlattr*>(nla_data(info)), nla_len(info), IFLA_INFO_KIND)) == "vrf";
  raw.link.arp_ignore = larger(seen->name, "arp_ignore");
  raw.link.arp_announce = larger(seen->name, "arp_announce");
  raw.link.rp_filter = larger(seen->name, "rp_filter");
  out[seen->index] = std::move(raw);
}

std::string read_sockets(std::vector<ListedSocket>& out) {
  for (const auto protocol : {Protocol::udp, Protocol::tcp}) {
    const bool tcp = protocol == Protocol::tcp;
    for (const int family : {AF_INET, AF_INET6}) {
      auto wrong = list(
          NETLINK_SOCK_DIAG,
          [&](auto& request, const RequestHead& head) {
            request = make_socket_question(head, family, tcp ? IPPROTO_TCP : IPPROTO_UDP,
                                           1U << (tcp ? TCP_LISTEN : TCP_CLOSE));
          },
          [&](nlmsghdr& message) {
            if (auto bound = parse_bound_socket(message)) out.push_back({protocol, *bound});
          });
      if (!wrong.empty()) return wrong;
    }
  }
  return {};
}

// What is asked only of those that are announced as a whole.
void look_at_carriers(NetworkFacts& facts, std::vector<std::string>& unseen) {
  ReadScope scope;
  for (const auto& patient : facts.patients) {
    for (const auto& what : patient.advertise) {
      if (what.kind == Advertisement::Kind::link) scope.links.insert(what.interface);
    }
  }
  if (scope.links.empty()) return;
  try {
    const auto seen = NetlinkTable().read(scope);
    if (!seen) return unseen.push_back("links: " + seen.error());
    for (const auto& carrier : seen->links) {
      for (auto& link : facts.links) {
        if (link.name != carrier.name || !scope.links.contains(link.name)) continue;
        link.needed = carrier.needed;
        link.forgets_ipv6 = carrier.forgets_ipv6;
      }
    }
  } catch (const std::runtime_error& error) {
    unseen.push_back(std::string("links: ") + error.what());
  }
}

}  // namespace

void look_at_network(NetworkFacts& facts, std::vector<std::string>& unseen) {
  std::map<int, RawLink> links;
  auto wrong =
      list(NETLINK_ROUTE, append_dump_of_links, [&](nlmsghdr& message) { read_link(message, links); });
  if (!wrong.empty()) unseen.push_back("interfaces: " + wrong);
  for (auto& [index, raw] : links) {
    const auto master = links.find(raw.master);
    if (raw.is_vrf) raw.link.vrf = raw.link.name;
    if (master != links.end() && master->second.is_vrf) raw.link.vrf = master->second.link.name;
    facts.links.push_back(raw.link);
  }

  std::vector<RawAddress> addresses;
  OwnMarks marks;
  bool marked = false;  // without IFA_PROTO ours of IPv6 look like anybody's
  wrong = list(NETLINK_ROUTE, append_dump_of_addresses, [&](nlmsghdr& message) {
    auto address = message.nlmsg_type == RTM_NEWADDR ? parse_address(message) : std::nullopt;
    if (!address) return;
    marks.learn(*address);
    marked = marked || address->protocol.has_value();
    addresses.push_back(std::move(*address));
  });
  if (!wrong.empty()) unseen.push_back("addresses: " + wrong);
  for (const auto& address : addresses) {
    const auto link = links.find(address.index);
    if (link == links.end()) continue;
    const auto& name = link->second.link.name;
    const bool cannot_tell = !marked && address.prefix.address.family() == Family::ipv6;
    facts.addresses.push_back({address.prefix, name, cannot_tell || marks.is_ours(address, name)});
  }

  std::vector<ListedSocket> sockets;
  wrong = read_sockets(sockets);
  if (wrong.empty())
    facts.sockets = std::move(sockets);
  else
    unseen.push_back("who listens: " + wrong);
  look_at_carriers(facts, unseen);
  facts.ipv6_lingers = ipv6_may_linger();
}

}  // namespace anyprobe
