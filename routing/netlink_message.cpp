#include "netlink_message.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "netlink_request.hpp"
#include "netlink_route.hpp"

namespace anyprobe {
namespace {

constexpr std::string_view kLabelEnd = ":any";
constexpr std::uint32_t kForever = std::numeric_limits<std::uint32_t>::max();

ifaddrmsg address_header(const Prefix& prefix, int index) {
  ifaddrmsg header{};
  header.ifa_family = static_cast<std::uint8_t>(prefix.address.socket_family());
  header.ifa_prefixlen = prefix.length;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = static_cast<std::uint32_t>(index);
  return header;
}

std::uint32_t flags_of(const Prefix& prefix) {
  if (prefix.address.family() == Family::ipv6) return IFA_F_NODAD | IFA_F_NOPREFIXROUTE;
  return prefix.is_host() ? 0 : IFA_F_NOPREFIXROUTE;
}

void append_change(std::vector<std::byte>& batch, RequestHead head, const AddAddress& add) {
  head.flags |= NLM_F_CREATE | (add.replace ? NLM_F_REPLACE : NLM_F_EXCL);
  const bool ipv6 = add.prefix.address.family() == Family::ipv6;
  Request request(head, RTM_NEWADDR);
  request.header(address_header(add.prefix, add.index));
  request.attribute(IFA_LOCAL, add.prefix.address);
  request.attribute(IFA_ADDRESS, add.prefix.address);
  request.number(IFA_FLAGS, flags_of(add.prefix));
  request.octet(IFA_PROTO, kProtocolMark);
  if (!ipv6) request.text(IFA_LABEL, address_label(add.interface));
  if (ipv6 || add.lifetime) {
    ifa_cacheinfo lifetime{};
    lifetime.ifa_valid = add.lifetime ? in_seconds(*add.lifetime) : kForever;
    // Deprecated from the start, an IPv6 address is never the source of what the host itself sends.
    lifetime.ifa_prefered = ipv6 ? 0 : lifetime.ifa_valid;
    request.attribute(IFA_CACHEINFO, &lifetime, sizeof lifetime);
  }
  request.append_to(batch);
}

void append_change(std::vector<std::byte>& batch, const RequestHead& head, const RemoveAddress& remove) {
  const auto& seen = remove.seen;
  Request request(head, RTM_DELADDR);
  request.header(address_header(seen.prefix, seen.index));
  request.attribute(IFA_LOCAL, seen.prefix.address);
  request.attribute(IFA_ADDRESS, seen.peer.value_or(seen.prefix.address));
  // The kernel compares it: what took the place of the address we saw stays.
  if (!seen.label.empty()) request.text(IFA_LABEL, seen.label);
  request.append_to(batch);
}

void append_change(std::vector<std::byte>& batch, RequestHead head, const AddRoute& add) {
  // With neither flag the kernel finds the route there, gives it the new lifetime, and answers EEXIST.
  const int how = add.renew ? 0 : add.replace ? NLM_F_REPLACE : NLM_F_EXCL;
  head.flags |= NLM_F_CREATE | how;
  append_route(batch, head, RTM_NEWROUTE, add);
}

void append_change(std::vector<std::byte>& batch, RequestHead head, const AddLingering& add) {
  head.flags |= NLM_F_CREATE | NLM_F_EXCL;
  append_lingering(batch, head, RTM_NEWROUTE, add);
}

void append_change(std::vector<std::byte>& batch, const RequestHead& head, const RemoveRoute& remove) {
  append_removal(batch, head, remove.seen);
}

void append_change(std::vector<std::byte>& batch, const RequestHead& head, const SetLink& set) {
  Request request(head, RTM_SETLINK);
  ifinfomsg header{};
  header.ifi_index = set.index;
  header.ifi_flags = set.up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  request.header(header);
  request.append_to(batch);
}

}  // namespace

std::string address_label(std::string_view interface) {
  return std::string(interface.substr(0, IFNAMSIZ - 1 - kLabelEnd.size())).append(kLabelEnd);
}

std::optional<RawAddress> parse_address(nlmsghdr& message) {
  ifaddrmsg header{};
  if (!read_header(message, header)) return std::nullopt;
  if (header.ifa_family != AF_INET && header.ifa_family != AF_INET6) return std::nullopt;
  const auto family = family_of(header.ifa_family);
  nlattr* found[IFA_PROTO + 1] = {};
  if (nlmsg_parse(&message, sizeof header, found, IFA_PROTO, nullptr) < 0) return std::nullopt;

  const auto local = address_in(found[IFA_LOCAL], family);
  const auto subnet = address_in(found[IFA_ADDRESS], family);
  if (!local && !subnet) return std::nullopt;
  RawAddress out;
  out.prefix = {local ? *local : *subnet, header.ifa_prefixlen};
  if (local && subnet && *local != *subnet) out.peer = subnet;
  out.index = static_cast<int>(header.ifa_index);
  out.scope = header.ifa_scope;
  out.label = text_in(found[IFA_LABEL]);
  out.flags = header.ifa_flags;
  if (const auto* flags = found[IFA_FLAGS]; flags != nullptr && nla_len(flags) >= 4)
    out.flags = nla_get_u32(flags);
  if (const auto* mark = found[IFA_PROTO]; mark != nullptr && nla_len(mark) >= 1)
    out.protocol = nla_get_u8(mark);
  ifa_cacheinfo lifetime{};
  lifetime.ifa_prefered = lifetime.ifa_valid = kForever;
  if (const auto* cache = found[IFA_CACHEINFO]) {
    nla_memcpy(&lifetime, cache, static_cast<int>(sizeof lifetime));
  }
  out.passing = lifetime.ifa_valid != kForever;
  out.deprecated = lifetime.ifa_prefered == 0;
  return out;
}

std::optional<SeenLink> parse_link(nlmsghdr& message) {
  ifinfomsg header{};
  if (!read_header(message, header)) return std::nullopt;
  auto* name = nlmsg_find_attr(&message, sizeof header, IFLA_IFNAME);
  SeenLink out{header.ifi_index, text_in(name), (header.ifi_flags & IFF_UP) != 0,
               (header.ifi_flags & IFF_LOOPBACK) != 0};
  out.carrier = (header.ifi_flags & IFF_RUNNING) != 0;
  return out;
}

KernelAnswer parse_answer(nlmsghdr& message) {
  nlmsgerr body{};
  if (!read_header(message, body)) return {EBADMSG, {}};
  KernelAnswer out{-body.error, {}};
  if ((message.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return out;
  // Without NLM_F_CAPPED the whole request stands between the error and its attributes.
  auto head = static_cast<int>(sizeof body);
  if ((message.nlmsg_flags & NLM_F_CAPPED) == 0) head += nlmsg_datalen(&body.msg);
  if (head > nlmsg_datalen(&message)) return out;
  out.message = text_in(nlmsg_find_attr(&message, head, NLMSGERR_ATTR_MSG));
  return out;
}

void append(std::vector<std::byte>& batch, const RequestHead& head, const Change& change) {
  std::visit([&](const auto& each) { append_change(batch, head, each); }, change);
}

void append_dump_of_addresses(std::vector<std::byte>& batch, const RequestHead& head) {
  Request request({head.port, head.sequence, head.flags | NLM_F_DUMP}, RTM_GETADDR);
  request.header(ifaddrmsg{});
  request.append_to(batch);
}

void append_dump_of_links(std::vector<std::byte>& batch, const RequestHead& head) {
  Request request({head.port, head.sequence, head.flags | NLM_F_DUMP}, RTM_GETLINK);
  request.header(ifinfomsg{});
  request.number(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  request.append_to(batch);
}

void append_spare_neighbours(std::vector<std::byte>& batch, const RequestHead& head, int index) {
  Request request(head, RTM_SETLINK);
  ifinfomsg header{};
  header.ifi_index = index;
  request.header(header);
  auto* families = request.open(IFLA_AF_SPEC);
  auto* ipv4 = request.open(AF_INET);
  auto* settings = request.open(IFLA_INET_CONF);
  request.number(IPV4_DEVCONF_PROMOTE_SECONDARIES, 1);
  request.close(settings);
  request.close(ipv4);
  request.close(families);
  request.append_to(batch);
}

void OwnMarks::learn(const RawAddress& address) {
  if (address.protocol) kernel_keeps_protocol_ = true;
}

void OwnMarks::added(int index, const Prefix& prefix) {
  added_.emplace(index, prefix);
}

void OwnMarks::removed(int index, const Prefix& prefix) {
  added_.erase({index, prefix});
}

bool OwnMarks::is_ours(const RawAddress& address, std::string_view interface) const {
  if (address.protocol) return *address.protocol == kProtocolMark;
  if (address.prefix.address.family() == Family::ipv4) return address.label == address_label(interface);
  return !kernel_keeps_protocol_ && added_.contains({address.index, address.prefix});
}

Fitness OwnMarks::fitness(const RawAddress& address, std::string_view interface) const {
  const bool ipv6 = address.prefix.address.family() == Family::ipv6;
  const auto demanded = flags_of(address.prefix) & ~static_cast<std::uint32_t>(IFA_F_NODAD);
  if (address.peer) return Fitness::unfit;
  // NLM_F_REPLACE gives an IPv6 address all that we would give it, an IPv4 one only IFA_PROTO and lifetimes.
  const bool marked =
      kernel_keeps_protocol_ ? address.protocol == kProtocolMark : is_ours(address, interface);
  if (!ipv6) {
    if (address.scope != RT_SCOPE_UNIVERSE || (address.flags & demanded) != demanded) return Fitness::unfit;
    if (!marked && !kernel_keeps_protocol_) return Fitness::unfit;
  }
  const bool hidden = !ipv6 || (address.deprecated && (address.flags & demanded) == demanded);
  return marked && hidden ? Fitness::exact : Fitness::mendable;
}

}  // namespace anyprobe
