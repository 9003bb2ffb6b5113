// What every rtnetlink message is written with and read by. Private to the files that do so.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "netlink_message.hpp"

namespace anyprobe {

// One request, built up and then appended to a batch. Throws std::bad_alloc, also where it grows too large.
class Request {
 public:
  Request(const RequestHead& head, int type) : message_(nlmsg_alloc_size(kRoom), &nlmsg_free) {
    if (!message_ ||
        nlmsg_put(message_.get(), head.port, head.sequence, type, 0, head.flags | NLM_F_REQUEST) == nullptr) {
      throw std::bad_alloc();
    }
  }

  template <typename Header>
  void header(Header value) {
    check(nlmsg_append(message_.get(), &value, sizeof value, NLMSG_ALIGNTO));
  }
  void attribute(int type, const void* data, std::size_t length) {
    check(nla_put(message_.get(), type, static_cast<int>(length), data));
  }
  void attribute(int type, const IpAddress& address) {
    attribute(type, address.bytes().data(), address.bytes().size());
  }
  void number(int type, std::uint32_t value) { check(nla_put_u32(message_.get(), type, value)); }
  void octet(int type, std::uint8_t value) { check(nla_put_u8(message_.get(), type, value)); }
  void text(int type, const std::string& value) {
    check(nla_put_string(message_.get(), type, value.c_str()));
  }
  nlattr* open(int type) {
    auto* nest = nla_nest_start(message_.get(), type);
    if (nest == nullptr) throw std::bad_alloc();
    return nest;
  }
  void close(nlattr* nest) { check(nla_nest_end(message_.get(), nest)); }

  void append_to(std::vector<std::byte>& batch) const {
    const auto* header = nlmsg_hdr(message_.get());
    const auto* bytes = reinterpret_cast<const std::byte*>(header);
    batch.insert(batch.end(), bytes, bytes + header->nlmsg_len);
    batch.resize(NLMSG_ALIGN(batch.size()));
  }

 private:
  static void check(int result) {
    if (result < 0) throw std::bad_alloc();  // kRoom is too small for what is written here
  }

  static constexpr std::size_t kRoom = 256;

  std::unique_ptr<nl_msg, decltype(&nlmsg_free)> message_;
};

// A lifetime as the kernel takes it, where the largest number means for ever.
inline std::uint32_t in_seconds(std::chrono::seconds lifetime) {
  constexpr std::int64_t kLongest = std::numeric_limits<std::uint32_t>::max() - 1;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(lifetime.count(), 1, kLongest));
}

inline Family family_of(int number) {
  return number == AF_INET ? Family::ipv4 : Family::ipv6;
}

inline std::optional<IpAddress> address_in(const nlattr* attribute, Family family) {
  const int length = family == Family::ipv4 ? 4 : 16;
  if (attribute == nullptr || nla_len(attribute) < length) return std::nullopt;
  return IpAddress::from_bytes(family, nla_data(attribute));
}

inline std::string text_in(const nlattr* attribute) {
  if (attribute == nullptr || nla_len(attribute) <= 0) return {};
  const auto* text = static_cast<const char*>(nla_data(attribute));
  return {text, strnlen(text, static_cast<std::size_t>(nla_len(attribute)))};
}

template <typename Header>
bool read_header(const nlmsghdr& message, Header& header) {
  if (nlmsg_datalen(&message) < static_cast<int>(sizeof header)) return false;
  std::memcpy(&header, nlmsg_data(&message), sizeof header);
  return true;
}

}  // namespace anyprobe
