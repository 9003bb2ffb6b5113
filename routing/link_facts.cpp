#include "link_facts.hpp"

#include <arpa/inet.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>

namespace anyprobe {
namespace {

constexpr std::uint32_t kAllSpfRouters = 0xe0000005;
constexpr std::string_view kAllSpfRouters6 = "ff020000000000000000000000000005";

std::string contents(const char* path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

std::optional<int> ipv6_setting(const std::string& interface, const char* name) {
  std::ifstream in("/proc/sys/net/ipv6/conf/" + interface + "/" + name);
  int value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

}  // namespace

std::set<std::string> interfaces_of_ospf(std::string_view igmp, std::string_view igmp6) {
  // The kernel prints an IPv4 group as a number, in the order of its own octets.
  char group4[9] = {};
  std::snprintf(group4, sizeof group4, "%08X", htonl(kAllSpfRouters));
  std::set<std::string> out;
  std::string current;
  std::istringstream lines{std::string(igmp)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first;
    std::string second;
    words >> first >> second;
    // "2  eth0      :     1      V3" and, below it and further in, "    050000E0     1 0:00000000    0".
    if (!line.starts_with('\t') && !line.starts_with(' '))
      current = second.substr(0, second.find(':'));  // a long name has no blank before it
    else if (first == group4)
      out.insert(current);
  }
  std::istringstream lines6{std::string(igmp6)};
  for (std::string line; std::getline(lines6, line);) {
    std::istringstream words(line);
    std::string index;
    std::string name;
    std::string group;
    words >> index >> name >> group;
    if (group == kAllSpfRouters6) out.insert(name);
  }
  return out;
}

std::set<std::string> interfaces_of_ospf() {
  return interfaces_of_ospf(contents("/proc/thread-self/net/igmp"), contents("/proc/thread-self/net/igmp6"));
}

std::string why_needed(const std::string& name, bool loopback, bool carries_default_route,
                       const std::set<std::string>& speaking) {
  if (loopback) return "it is the loopback interface, without which the host does not work";
  if (carries_default_route) return "the default route goes through it";
  if (speaking.contains(name)) return "OSPF is spoken on it (make it passive there, or take another)";
  return {};
}

bool forgets_ipv6_addresses(const std::string& name) {
  const auto disabled = ipv6_setting(name, "disable_ipv6");
  if (!disabled || *disabled != 0) return false;
  // That of all counts where it is not 0 (addrconf_ifdown).
  const int all = ipv6_setting("all", "keep_addr_on_down").value_or(0);
  return (all != 0 ? all : ipv6_setting(name, "keep_addr_on_down").value_or(0)) <= 0;
}

bool ipv6_may_linger() {
  std::ifstream file("/proc/sys/net/ipv6/ip_nonlocal_bind");
  int value = 0;
  return !file || (file >> value && value != 0);
}

}  // namespace anyprobe
