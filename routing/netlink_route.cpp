#include "netlink_route.hpp"

#include <linux/rtnetlink.h>

#include "netlink_request.hpp"

namespace anyprobe {
namespace {

// Behind the kernel's own route of the address, beside which it stands for a moment.
std::uint32_t lingering_metric(Family family) {
  return family == Family::ipv4 ? 1024 : 2048;
}

rtmsg header_of(const Prefix& prefix) {
  rtmsg header{};
  header.rtm_family = static_cast<std::uint8_t>(prefix.address.socket_family());
  header.rtm_dst_len = prefix.length;
  header.rtm_table = RT_TABLE_UNSPEC;  // RTA_TABLE has room for more than 255
  return header;
}

void append_place(Request& request, const Prefix& prefix, std::uint32_t table, std::uint32_t metric) {
  request.attribute(RTA_DST, prefix.address);
  request.number(RTA_TABLE, table);
  request.number(RTA_PRIORITY, metric);
}

}  // namespace

void append_route(std::vector<std::byte>& batch, const RequestHead& head, int type, const AddRoute& route) {
  Request request(head, type);
  auto header = header_of(route.prefix);
  header.rtm_protocol = kProtocolMark;
  header.rtm_type = RTN_UNICAST;
  // Without a gateway, who is asked for is on the link itself. IPv6 knows no scopes of routes.
  const bool on_link = !route.via && route.prefix.address.family() == Family::ipv4;
  header.rtm_scope = on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  request.header(header);
  append_place(request, route.prefix, route.table, route.metric);
  if (route.via) request.attribute(RTA_GATEWAY, *route.via);
  if (route.index != 0) request.number(RTA_OIF, static_cast<std::uint32_t>(route.index));
  if (route.lifetime && route.prefix.address.family() == Family::ipv6)
    request.number(RTA_EXPIRES, in_seconds(*route.lifetime));
  request.append_to(batch);
}

void append_lingering(std::vector<std::byte>& batch, const RequestHead& head, int type,
                      const AddLingering& add) {
  Request request(head, type);
  const Prefix prefix{add.address, static_cast<std::uint8_t>(add.address.bits())};
  auto header = header_of(prefix);
  header.rtm_protocol = kProtocolMark;
  header.rtm_type = RTN_LOCAL;
  header.rtm_scope = add.address.family() == Family::ipv4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
  request.header(header);
  append_place(request, prefix, RT_TABLE_LOCAL, lingering_metric(add.address.family()));
  request.number(RTA_OIF, static_cast<std::uint32_t>(add.index));
  request.append_to(batch);
}

void append_removal(std::vector<std::byte>& batch, const RequestHead& head, const SeenRoute& seen) {
  Request request(head, RTM_DELROUTE);
  auto header = header_of(seen.prefix);
  header.rtm_protocol = seen.protocol;
  header.rtm_scope = RT_SCOPE_NOWHERE;  // any
  request.header(header);
  append_place(request, seen.prefix, seen.table, seen.metric);
  if (seen.via) request.attribute(RTA_GATEWAY, *seen.via);
  if (seen.index != 0) request.number(RTA_OIF, static_cast<std::uint32_t>(seen.index));
  request.append_to(batch);
}

void append_dump_of_routes(std::vector<std::byte>& batch, const RequestHead& head,
                           const RouteFilter& filter) {
  Request request({head.port, head.sequence, head.flags | NLM_F_DUMP}, RTM_GETROUTE);
  rtmsg header{};
  header.rtm_family = filter.family == Family::ipv4 ? AF_INET : AF_INET6;
  header.rtm_protocol = filter.protocol;
  request.header(header);
  if (filter.table != 0) request.number(RTA_TABLE, filter.table);
  if (filter.index != 0) request.number(RTA_OIF, static_cast<std::uint32_t>(filter.index));
  request.append_to(batch);
}

std::optional<SeenRoute> parse_route(nlmsghdr& message) {
  rtmsg header{};
  if (!read_header(message, header)) return std::nullopt;
  if (header.rtm_family != AF_INET && header.rtm_family != AF_INET6) return std::nullopt;
  // One of another TOS is another route to the kernel, and collides with none of ours.
  if ((header.rtm_flags & RTM_F_CLONED) != 0 || header.rtm_tos != 0) return std::nullopt;
  const auto family = family_of(header.rtm_family);
  nlattr* found[RTA_MAX + 1] = {};
  if (nlmsg_parse(&message, sizeof header, found, RTA_MAX, nullptr) < 0) return std::nullopt;
  const auto number = [&](int type) -> std::uint32_t {
    return found[type] != nullptr && nla_len(found[type]) >= 4 ? nla_get_u32(found[type]) : 0;
  };

  SeenRoute out;
  const std::uint8_t nowhere[16] = {};
  out.prefix = {address_in(found[RTA_DST], family).value_or(IpAddress::from_bytes(family, nowhere)),
                header.rtm_dst_len};
  out.table = found[RTA_TABLE] != nullptr ? number(RTA_TABLE) : header.rtm_table;
  out.metric = number(RTA_PRIORITY);
  out.index = static_cast<int>(number(RTA_OIF));
  out.via = address_in(found[RTA_GATEWAY], family);
  out.protocol = header.rtm_protocol;
  out.ours = header.rtm_protocol == kProtocolMark;
  rta_cacheinfo lifetime{};
  if (const auto* cache = found[RTA_CACHEINFO]) nla_memcpy(&lifetime, cache, sizeof lifetime);
  out.passing = lifetime.rta_expires != 0;
  out.plain = header.rtm_type == RTN_UNICAST && header.rtm_src_len == 0 && found[RTA_MULTIPATH] == nullptr &&
              found[RTA_ENCAP] == nullptr && found[RTA_VIA] == nullptr;
  out.lingering = out.ours && header.rtm_type == RTN_LOCAL && out.table == RT_TABLE_LOCAL &&
                  out.prefix.is_host() && out.metric == lingering_metric(family);
  return out;
}

}  // namespace anyprobe
