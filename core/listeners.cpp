#include "listeners.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>

namespace anyprobe {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kListens = "0A";  // TCP_LISTEN of the kernel's net/tcp_states.h

template <typename T>
bool parse_hex(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return error == std::errc{} && end == text.data() + text.size();
}

// "0100007F:0035": words of 32 bits, each as this host has them in memory.
std::optional<SocketAddress> parse_endpoint(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < colon / 8; ++i) {
    std::uint32_t word = 0;
    if (!parse_hex(text.substr(i * 8, 8), word)) return std::nullopt;
    std::memcpy(bytes.data() + i * 4, &word, sizeof word);
  }
  SocketAddress out;
  if (!parse_hex(text.substr(colon + 1), out.port)) return std::nullopt;
  out.ip = IpAddress::from_bytes(colon == 8 ? Family::ipv4 : Family::ipv6, bytes.data());
  return out;
}

std::string contents(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

std::string name_of(const fs::path& process) {
  auto out = contents(process / "comm");
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

// Inode to the name of a process that has it open. What may not be looked into is passed over.
std::map<std::string, std::string> owners_of(const std::vector<OpenSocket>& sockets) {
  std::map<std::string, std::string> out;
  for (const auto& one : sockets) out.emplace(one.inode, "");
  std::error_code error;
  for (fs::directory_iterator process("/proc", error), none; !error && process != none;
       process.increment(error)) {
    if (process->path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code unseen;
    for (fs::directory_iterator it(process->path() / "fd", unseen); !unseen && it != none;
         it.increment(unseen)) {
      std::error_code gone;
      const auto link = fs::read_symlink(it->path(), gone).string();
      if (gone || !link.starts_with("socket:[")) continue;
      const auto owner = out.find(link.substr(8, link.size() - 9));
      if (owner != out.end() && owner->second.empty()) owner->second = name_of(process->path());
    }
  }
  return out;
}

}  // namespace

std::vector<OpenSocket> parse_proc_net(std::string_view text, Protocol protocol) {
  std::vector<OpenSocket> out;
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retransmissions, user, timeout, inode;
    words >> number >> local >> remote >> state >> queues >> timer >> retransmissions >> user >> timeout >>
        inode;
    const auto at = parse_endpoint(local);
    const auto peer = parse_endpoint(remote);
    if (!at || !peer || peer->port != 0 || inode.empty()) continue;
    if (protocol == Protocol::tcp && state != kListens) continue;
    out.push_back({{protocol, *at, ""}, inode});
  }
  return out;
}

std::vector<ListeningSocket> find_listeners() {
  std::vector<OpenSocket> sockets;
  for (const auto& [name, protocol] : {std::pair("tcp", Protocol::tcp), std::pair("tcp6", Protocol::tcp),
                                       std::pair("udp", Protocol::udp), std::pair("udp6", Protocol::udp)}) {
    const auto some = parse_proc_net(contents(fs::path("/proc/net") / name), protocol);
    sockets.insert(sockets.end(), some.begin(), some.end());
  }
  const auto owners = owners_of(sockets);
  std::vector<ListeningSocket> out;
  for (auto& one : sockets) {
    one.listener.process = owners.at(one.inode);
    out.push_back(std::move(one.listener));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<Prefix> addresses_on_lo() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, &freeifaddrs);
  std::vector<Prefix> out;
  for (const auto* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_LOOPBACK) == 0) continue;
    const int family = one->ifa_addr->sa_family;
    if ((family != AF_INET && family != AF_INET6) || one->ifa_netmask == nullptr) continue;
    const auto ip = SocketAddress::from_sockaddr(one->ifa_addr).ip;
    if (ip.is_loopback()) continue;
    Prefix prefix{ip, 0};
    // The family of a mask is not always said.
    const auto* mask = family == AF_INET
                           ? reinterpret_cast<const std::uint8_t*>(
                                 &reinterpret_cast<const sockaddr_in*>(one->ifa_netmask)->sin_addr)
                           : reinterpret_cast<const sockaddr_in6*>(one->ifa_netmask)->sin6_addr.s6_addr;
    for (std::size_t i = 0; i < ip.bytes().size(); ++i) {
      for (unsigned octet = mask[i]; octet != 0; octet &= octet - 1) ++prefix.length;
    }
    out.push_back(prefix);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace anyprobe
