// Addresses as rtnetlink has them (RFC 3549 section 3.2.1, linux/if_addr.h), and the mark by which ours are
// known. libnl's own address objects lose IFA_PROTO, so the attributes are read and written here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "route_table.hpp"

struct nlmsghdr;

namespace anyprobe {

// IFA_PROTO of every address we make, and rtm_protocol of every route. zebra has no use for an address's
// protocol, and takes a route for its own only where its protocol is one of FRR's (11, 186 to 198).
inline constexpr std::uint8_t kProtocolMark = 77;

// The IPv4 label of an address on `interface`: "lo:any", the name cut so that the whole fits IFNAMSIZ.
std::string address_label(std::string_view interface);

struct RawAddress {
  Prefix prefix;
  int index = 0;
  std::optional<std::uint8_t> protocol;
  std::string label;
  std::optional<IpAddress> peer;
  std::uint32_t flags = 0;
  std::uint8_t scope = 0;
  bool passing = false;     // its valid lifetime ends some day
  bool deprecated = false;  // its preferred lifetime is over
};

// Empty where it is no address of a family we know.
std::optional<RawAddress> parse_address(nlmsghdr& message);  // RTM_NEWADDR, RTM_DELADDR
std::optional<SeenLink> parse_link(nlmsghdr& message);       // RTM_NEWLINK, RTM_DELLINK

// One request, to be appended to a batch. NLM_F_REQUEST is added.
struct RequestHead {
  std::uint32_t port = 0;
  std::uint32_t sequence = 0;
  int flags = 0;
};
void append(std::vector<std::byte>& batch, const RequestHead& head, const Change& change);
void append_dump_of_addresses(std::vector<std::byte>& batch, const RequestHead& head);
void append_dump_of_links(std::vector<std::byte>& batch, const RequestHead& head);
// From then on a primary IPv4 address that goes leaves the others of its subnet on that interface in place.
void append_spare_neighbours(std::vector<std::byte>& batch, const RequestHead& head, int index);

struct KernelAnswer {
  int error = 0;        // errno, 0 for an ACK
  std::string message;  // the kernel's own words, where it has any
};
KernelAnswer parse_answer(nlmsghdr& message);  // NLMSG_ERROR

// Which addresses are ours. Kernels before 5.18 give no IFA_PROTO back: there IPv4 is known by its label, and
// IPv6 only as long as the process that added it lives.
class OwnMarks {
 public:
  // Every address of a dump passes through here before is_ours() is asked.
  void learn(const RawAddress& address);
  void added(int index, const Prefix& prefix);
  void removed(int index, const Prefix& prefix);

  [[nodiscard]] bool is_ours(const RawAddress& address, std::string_view interface) const;
  [[nodiscard]] Fitness fitness(const RawAddress& address, std::string_view interface) const;

 private:
  bool kernel_keeps_protocol_ = false;
  std::set<std::pair<int, Prefix>> added_;
};

}  // namespace anyprobe
