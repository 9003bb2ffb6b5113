#include "socket_diag.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>

#include "netlink_request.hpp"

namespace anyprobe {
namespace {

constexpr std::uint32_t kSourcePort = NLMSG_HDRLEN + offsetof(inet_diag_msg, id.idiag_sport);
constexpr std::uint32_t kPeerPort = NLMSG_HDRLEN + offsetof(inet_diag_msg, id.idiag_dport);
constexpr std::uint32_t kLetThrough = 0xffffffff;
// Six steps each; see emit().
constexpr std::size_t kMostRanges = 512;

struct Range {
  std::uint16_t first = 0;
  std::uint16_t last = 0;
};

// As many as there may be, by closing the narrowest gaps.
std::vector<Range> joined(const std::vector<Range>& ranges) {
  std::vector<std::size_t> behind(ranges.size() - 1);
  std::iota(behind.begin(), behind.end(), std::size_t{0});
  const auto width = [&](std::size_t i) { return ranges[i + 1].first - ranges[i].last; };
  const auto closed = behind.begin() + static_cast<std::ptrdiff_t>(ranges.size() - kMostRanges);
  std::nth_element(behind.begin(), closed, behind.end(),
                   [&](std::size_t a, std::size_t b) { return width(a) < width(b); });
  std::vector<bool> closes(ranges.size());
  for (auto it = behind.begin(); it != closed; ++it) closes[*it] = true;
  std::vector<Range> out = {ranges.front()};
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (closes[i - 1])
      out.back().last = ranges[i].last;
    else
      out.push_back(ranges[i]);
  }
  return out;
}

std::vector<Range> ranges_of(const std::set<std::uint16_t>& ports) {
  std::vector<Range> out;
  for (const auto port : ports) {
    if (!out.empty() && out.back().last + 1 == port)
      out.back().last = port;
    else
      out.push_back({port, port});
  }
  return out.size() > kMostRanges ? joined(out) : out;
}

sock_filter step(unsigned code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
  return {static_cast<std::uint16_t>(code), yes, no, k};
}

// A search by halves, since each closed socket of the host goes through it. Offsets of comparisons are of
// eight bits, so that the far half is reached by a jump.
void emit(const std::vector<Range>& ranges, std::size_t begin, std::size_t end,
          std::vector<sock_filter>& out) {
  if (end - begin == 1) {
    out.push_back(step(BPF_JMP | BPF_JGE | BPF_K, ranges[begin].first, 0, 2));
    out.push_back(step(BPF_JMP | BPF_JGT | BPF_K, ranges[begin].last, 1, 0));
    out.push_back(step(BPF_RET | BPF_K, kLetThrough));
    out.push_back(step(BPF_RET | BPF_K, 0));
    return;
  }
  const auto middle = begin + (end - begin) / 2;
  out.push_back(step(BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first, 0, 1));
  const auto jump = out.size();
  out.push_back(step(BPF_JMP | BPF_JA, 0));
  emit(ranges, begin, middle, out);
  out[jump].k = static_cast<std::uint32_t>(out.size() - jump - 1);
  emit(ranges, middle, end, out);
}

IpAddress address_of(int family, const void* octets) {
  if (family == AF_INET) return IpAddress::from_bytes(Family::ipv4, octets);
  const auto* bytes = static_cast<const std::uint8_t*>(octets);
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), bytes))
    return IpAddress::from_bytes(Family::ipv4, bytes + kMapped.size());
  return IpAddress::from_bytes(Family::ipv6, octets);
}

}  // namespace

std::optional<ClosedSocket> parse_closed_socket(nlmsghdr& message) {
  inet_diag_msg told;
  if (message.nlmsg_type != SOCK_DIAG_BY_FAMILY || !read_header(message, told)) return std::nullopt;
  if (told.idiag_family != AF_INET && told.idiag_family != AF_INET6) return std::nullopt;
  if (told.id.idiag_dport != 0) return std::nullopt;
  const auto* protocol = nlmsg_find_attr(&message, sizeof(inet_diag_msg), INET_DIAG_PROTOCOL);
  if (protocol == nullptr || nla_len(protocol) < 1) return std::nullopt;
  const auto number = nla_get_u8(protocol);
  if (number != IPPROTO_TCP && number != IPPROTO_UDP) return std::nullopt;
  return ClosedSocket{number == IPPROTO_TCP ? Protocol::tcp : Protocol::udp,
                      {address_of(told.idiag_family, told.id.idiag_src), ntohs(told.id.idiag_sport)}};
}

std::optional<BoundSocket> parse_bound_socket(nlmsghdr& message) {
  inet_diag_msg told;
  if (message.nlmsg_type != SOCK_DIAG_BY_FAMILY || !read_header(message, told)) return std::nullopt;
  if (told.idiag_family != AF_INET && told.idiag_family != AF_INET6) return std::nullopt;
  if (told.id.idiag_dport != 0 || told.id.idiag_sport == 0) return std::nullopt;
  const auto* only = nlmsg_find_attr(&message, sizeof(inet_diag_msg), INET_DIAG_SKV6ONLY);
  const bool six_alone = only != nullptr && nla_len(only) >= 1 && nla_get_u8(only) != 0;
  return BoundSocket{{address_of(told.idiag_family, told.id.idiag_src), ntohs(told.id.idiag_sport)},
                     !six_alone};
}

std::vector<sock_filter> make_port_filter(const std::set<std::uint16_t>& ports) {
  std::vector<sock_filter> out;
  if (ports.empty()) return {step(BPF_RET | BPF_K, 0)};
  out.push_back(step(BPF_LD | BPF_H | BPF_ABS, kPeerPort));
  out.push_back(step(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0));
  out.push_back(step(BPF_RET | BPF_K, 0));
  out.push_back(step(BPF_LD | BPF_H | BPF_ABS, kSourcePort));
  const auto ranges = ranges_of(ports);
  emit(ranges, 0, ranges.size(), out);
  return out;
}

std::vector<std::byte> make_empty_question(const RequestHead& head, int family, int protocol) {
  return make_socket_question(head, family, protocol, 0);
}

std::vector<std::byte> make_socket_question(const RequestHead& head, int family, int protocol,
                                            std::uint32_t states) {
  Request request({head.port, head.sequence, head.flags | NLM_F_DUMP}, SOCK_DIAG_BY_FAMILY);
  inet_diag_req_v2 body{};
  body.sdiag_family = static_cast<std::uint8_t>(family);
  body.sdiag_protocol = static_cast<std::uint8_t>(protocol);
  body.idiag_states = states;
  request.header(body);
  std::vector<std::byte> out;
  request.append_to(out);
  return out;
}

}  // namespace anyprobe
