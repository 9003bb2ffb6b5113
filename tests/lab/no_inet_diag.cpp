// Preloaded into the programs that are tested: as on a kernel without SOCK_DIAG, no such socket is to be had.
#include <dlfcn.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cerrno>

extern "C" int socket(int family, int type, int protocol) noexcept {
  static auto* const make = reinterpret_cast<int (*)(int, int, int)>(dlsym(RTLD_NEXT, "socket"));
  if (family == AF_NETLINK && protocol == NETLINK_SOCK_DIAG) {
    errno = EPROTONOSUPPORT;
    return -1;
  }
  return make(family, type, protocol);
}
