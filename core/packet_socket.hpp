// Packets between our processes over SOCK_SEQPACKET, each with one descriptor beside it or none; and octets
// that are too many for a packet, in a file of memory whose descriptor goes beside one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "descriptor.hpp"

namespace anyprobe {

struct SocketPair {
  Descriptor one;
  Descriptor other;
};
// Neither is valid where it fails; errno says why.
SocketPair make_socket_pair();

// Never waits: false, with errno, also where the other side reads nothing.
bool send_packet(int socket, std::string_view packet, int descriptor = -1);

struct Packet {
  enum class State : std::uint8_t { received, none, closed };
  State state = State::none;  // none: nothing is there yet
  std::string octets;
  Descriptor descriptor;
};
// Never waits. What is longer than `largest` is cut. An empty packet is as good as the end.
Packet receive_packet(int socket, std::size_t largest);

bool append_to_file(int fd, std::string_view octets);  // false, with errno
Descriptor memory_file(const char* name, std::string_view octets);
std::string read_memory_file(int fd);  // empty where it cannot be read

}  // namespace anyprobe
