// What keeper and prober say to each other over a SOCK_SEQPACKET socket, one message a packet. The keeper
// believes the prober nothing: decoding bounds everything, and flags are taken only for advertisements the
// keeper itself has read. The configuration travels as a descriptor beside its message, since it may be
// larger than a packet.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/outcome.hpp"
#include "core/source_file.hpp"

namespace anyprobe {

enum class MessageType : std::uint8_t {
  configuration = 1,  // keeper: here is a configuration (with a descriptor)
  applied,            // keeper: the kernel has what message `serial` wanted
  accept,             // prober: the configuration is good; what it wants to begin with
  refuse,  // prober: it is not; the body has a byte for "flags alone are at fault" and a line an error
  want,    // prober: what is to be announced
  reload,  // prober: read the configuration again
};

struct Message {
  MessageType type = MessageType::want;
  std::uint32_t generation = 0;  // the configuration it belongs to
  std::uint32_t serial = 0;      // of a want, so that it can be told applied
  std::string body;
};

inline constexpr std::size_t kLargestMessage = std::size_t{128} * 1024;

std::string encode(const Message& message);
Outcome<Message> decode(std::string_view packet);

// Flags, packed eight to a byte. Only just as many as are expected are taken.
std::string pack_flags(const std::vector<bool>& flags);
Outcome<std::vector<bool>> unpack_flags(std::string_view body, std::size_t expected);

struct Refusal {
  bool flags_alone = false;
  std::vector<std::string> lines;
};
std::string pack_refusal(const Refusal& refusal);  // cut to what a message may hold
Refusal unpack_refusal(std::string_view body);     // printable lines only, each cut to a bound

// Files for the descriptor.
std::string pack_files(const std::vector<SourceFile>& files);
Outcome<std::vector<SourceFile>> unpack_files(std::string_view bytes);

}  // namespace anyprobe
