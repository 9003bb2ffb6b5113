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

#include "core/advertisement.hpp"
#include "core/event_loop.hpp"
#include "core/keeper_link.hpp"
#include "core/named_sockets.hpp"
#include "core/outcome.hpp"
#include "core/source_file.hpp"

namespace anyprobe {

enum class MessageType : std::uint8_t {
  configuration = 1,  // keeper: here is a configuration (with a descriptor)
  applied,    // keeper: the kernel has what message `serial` wanted; the body is a KernelView, and news
              // of it is told by the serial told last
  accept,     // prober: the configuration is good; what it wants to begin with
  refuse,     // prober: it is not; the body has a byte for "flags alone are at fault" and a line an error
  want,       // prober: what is to become of each advertisement
  reload,     // prober: read the configuration again
  runner,     // keeper: the way to the runner (with a descriptor)
  suspended,  // prober: about to stop; it will be silent, and that is no hang
  resumed,    // prober: it goes on
  hand_over,  // prober: about to end, and what it holds is for the next run
  control,    // keeper: the socket that status is asked by (with a descriptor)
  drained,    // prober: which services are withdrawn by hand, a byte for each of the configuration
  ask,        // prober: a FrrInquiry, by the places that the configuration of its generation has
  answer,     // keeper: the FrrAnswer to the one of that serial (with a descriptor, if it is answered)
  socket,     // keeper: a socket that the configuration names, a SocketPlace (with a descriptor; without,
              // there is none any more)
  beside,  // keeper: the way to the other prober (with a descriptor, a stream): the one of modules is asked
           // by it how its services are, and nothing else
};

struct Message {
  MessageType type = MessageType::want;
  std::uint32_t generation = 0;  // the configuration it belongs to
  std::uint32_t serial = 0;      // of accept and want, so that they can be told applied; of ask
  std::string body;
};

inline constexpr std::size_t kLargestMessage = std::size_t{128} * 1024;

std::string encode(const Message& message);
Outcome<Message> decode(std::string_view packet);

// What a prober wants, and when it said so: of the monotonic clock, which all processes of a host share.
struct Want {
  TimePoint said{};
  std::vector<Wish> wishes;  // one for each advertisement of the configuration, also those of other probers
};
std::string pack_want(const Want& want);
// Only just as many as are expected are taken.
Outcome<Want> unpack_want(std::string_view body, std::size_t expected);

std::string pack_circumstances(const Circumstances& circumstances);
Outcome<Circumstances> unpack_circumstances(std::string_view body);

std::string pack_drained(const std::vector<bool>& drained);
// Only just as many as are expected are taken.
Outcome<std::vector<bool>> unpack_drained(std::string_view body, std::size_t expected);

struct SocketPlace {
  SocketName name = SocketName::metrics;
  std::string where;
};
std::string pack_place(const SocketPlace& place);
Outcome<SocketPlace> unpack_place(std::string_view body);

struct Refusal {
  bool flags_alone = false;
  std::vector<std::string> lines;
};
std::string pack_refusal(const Refusal& refusal);  // cut to what a message may hold
Refusal unpack_refusal(std::string_view body);     // printable lines only, each cut to a bound

std::string pack_view(const KernelView& view);  // problems are cut to what a message may hold
Outcome<KernelView> unpack_view(std::string_view body);

// Files for the descriptor.
std::string pack_files(const std::vector<SourceFile>& files);
Outcome<std::vector<SourceFile>> unpack_files(std::string_view bytes);

}  // namespace anyprobe
