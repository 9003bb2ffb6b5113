// What listens on this host, by /proc.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "starting_point.hpp"

namespace anyprobe {

struct OpenSocket {
  ListeningSocket listener;
  std::string inode;  // as the links in /proc/PID/fd name it
};

// The lines of /proc/net/tcp, tcp6, udp or udp6 (proc(5)) for sockets that nobody is connected to by them.
std::vector<OpenSocket> parse_proc_net(std::string_view text, Protocol protocol);

// Those of this network namespace, each with the name of its process where this process may know it.
std::vector<ListeningSocket> find_listeners();

// The addresses that are on lo, but those of every host.
std::vector<Prefix> addresses_on_lo();

}  // namespace anyprobe
