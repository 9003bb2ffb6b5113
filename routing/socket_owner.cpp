#include "socket_owner.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>

#include "core/descriptor.hpp"

namespace anyprobe {
namespace {

enum class Found : std::uint8_t { yes, no, unknown };

std::string_view last_part(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// As the kernel counts them within itself, and tells them here (MKDEV of linux/kdev_t.h).
std::uint32_t device_number(dev_t device) {
  return static_cast<std::uint32_t>(major(device)) << 20U | static_cast<std::uint32_t>(minor(device));
}

bool is_it(const nlmsghdr& header, const struct stat& file, std::string_view name) {
  const auto* message = static_cast<const unix_diag_msg*>(NLMSG_DATA(&header));
  auto left = static_cast<int>(header.nlmsg_len - NLMSG_LENGTH(sizeof *message));
  const auto* part = reinterpret_cast<const rtattr*>(message + 1);
  unix_diag_vfs vfs{};
  bool has_vfs = false;
  std::string_view bound;
  for (; RTA_OK(part, left); part = RTA_NEXT(part, left)) {
    const auto size = static_cast<std::size_t>(RTA_PAYLOAD(part));
    if (part->rta_type == UNIX_DIAG_VFS && size >= sizeof vfs) {
      std::memcpy(&vfs, RTA_DATA(part), sizeof vfs);
      has_vfs = true;
    }
    if (part->rta_type == UNIX_DIAG_NAME) bound = {static_cast<const char*>(RTA_DATA(part)), size};
  }
  while (!bound.empty() && bound.back() == '\0') bound.remove_suffix(1);
  if (!has_vfs || vfs.udiag_vfs_ino != static_cast<std::uint32_t>(file.st_ino)) return false;
  // Some file systems (overlay, btrfs) have another device for stat() than within; the name must do there.
  return vfs.udiag_vfs_dev == device_number(file.st_dev) || last_part(bound) == name;
}

Found among_listeners(const struct stat& file, std::string_view name) {
  const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  struct {
    nlmsghdr header;
    unix_diag_req request;
  } question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  question.request.sdiag_family = AF_UNIX;
  question.request.udiag_states = 1U << TCP_LISTEN;
  question.request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS;
  if (!socket.valid() || send(socket.get(), &question, sizeof question, 0) < 0) return Found::unknown;
  auto found = Found::no;
  for (;;) {
    alignas(nlmsghdr) char buffer[32768];
    // The kernel has filled the queue before send() returned, and goes on as it is emptied.
    const auto got = recv(socket.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return found == Found::yes ? found : Found::unknown;
    auto left = static_cast<std::uint32_t>(got);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return found;
      if (header->nlmsg_type == NLMSG_ERROR) return Found::unknown;
      if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY && is_it(*header, file, name)) found = Found::yes;
    }
  }
}

// Of a kernel without unix_diag: "0000...: 00000002 00000000 00010000 0001 01 14476 /run/frr/ospfd.vty".
Found in_table(const struct stat& file, std::string_view name) {
  std::ifstream table("/proc/thread-self/net/unix");
  if (!table) return Found::unknown;
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string word[8];
    for (auto& each : word) words >> each;
    constexpr const char* kAccepts = "00010000";
    if (word[3] != kAccepts || last_part(word[7]) != name) continue;
    struct stat other {};
    if (stat(word[7].c_str(), &other) == 0 && other.st_ino == file.st_ino && other.st_dev == file.st_dev)
      return Found::yes;
  }
  return Found::no;
}

}  // namespace

std::string why_foreign(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return path + ": " + std::strerror(errno);
  if (!S_ISSOCK(file.st_mode)) return path + " is no socket";
  const auto name = last_part(path);
  auto found = among_listeners(file, name);
  if (found == Found::unknown) found = in_table(file, name);
  if (found == Found::yes) return {};
  return path + (found == Found::no ? " is of another network namespace, or nobody listens there"
                                    : ": whose it is cannot be told");
}

}  // namespace anyprobe
