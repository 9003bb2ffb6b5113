// A configuration to start from, made of what was found on a host. Pure.
#pragma once

#include <string>
#include <vector>

#include "address.hpp"
#include "plugin_table.hpp"
#include "probe.hpp"

namespace anyprobe {

// What the routing daemon is configured to let out.
struct FilteredPrefix {
  Prefix prefix;
  std::string by;           // what names it: "prefix-list anycast"
  bool exact = true;        // of a list: this prefix, and no longer one
  bool used = false;        // what is redistributed passes by it
  bool for_routes = false;  // routes of the kernel alone: no address of this host

  friend bool operator==(const FilteredPrefix&, const FilteredPrefix&) = default;
};

struct ListeningSocket {
  Protocol protocol = Protocol::tcp;  // or udp
  SocketAddress at;
  std::string process;  // empty where that cannot be told

  friend auto operator<=>(const ListeningSocket&, const ListeningSocket&) = default;
};

struct StartingFacts {
  std::vector<ListeningSocket> listeners = {};
  std::vector<FilteredPrefix> filtered = {};
  std::vector<Prefix> on_lo = {};       // but 127.0.0.0/8 and ::1
  std::vector<std::string> notes = {};  // what could not be looked at, a line each
};

// JSON with comments, for anyprobe.json, that the reader takes whatever was found: what would want more than
// can be known is a comment.
std::string starting_configuration(const StartingFacts& facts, const PluginTable& plugins);

}  // namespace anyprobe
