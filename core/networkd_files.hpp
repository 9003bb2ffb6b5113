// What systemd-networkd is told to do with addresses and routes that it did not make (networkd.conf(5),
// systemd.network(5)).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace anyprobe {

struct NetworkdLink {
  std::string file;                // "10-lo.network"
  std::vector<std::string> names;  // of [Match] Name=: patterns as of fnmatch(3), one with ! excludes
  bool keeps = false;              // KeepConfiguration=yes or static
};

struct NetworkdSettings {
  bool manages_foreign_routes = true;
  std::vector<NetworkdLink> links = {};  // by name of their file: the first that matches counts
};

// Files of one kind in the order in which they are read. Pure.
[[nodiscard]] bool manages_foreign_routes(const std::vector<std::string>& files);
// `texts`: the file and its drop-ins.
[[nodiscard]] NetworkdLink parse_network_file(const std::string& name, const std::vector<std::string>& texts);

// What stands below `root` ("" for the host's own): etc, run, usr/local/lib and usr/lib, of which the first
// wins where two files have one name.
[[nodiscard]] NetworkdSettings read_networkd(const std::string& root);

// The .network file that counts for an interface, null where none does.
[[nodiscard]] const NetworkdLink* file_of(const NetworkdSettings& settings, const std::string& interface);

}  // namespace anyprobe
