// Preloaded into keepalived, lets it believe that the kernel has ip_vs, without which it starts no checker.
// Its checks are real; only what it would do to ip_vs when one of them changes its mind goes nowhere.
#include <dlfcn.h>
#include <linux/ip_vs.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace {

bool of_ipvs(int level, int name) {
  return level == IPPROTO_IP && name >= IP_VS_BASE_CTL && name <= IP_VS_SO_SET_MAX;
}

}  // namespace

extern "C" int getsockopt(int fd, int level, int name, void* __restrict value,
                          socklen_t* __restrict length) noexcept {
  if (of_ipvs(level, name)) {
    std::memset(value, 0, *length);
    return 0;
  }
  static const auto real = reinterpret_cast<decltype(&getsockopt)>(dlsym(RTLD_NEXT, "getsockopt"));
  return real(fd, level, name, value, length);
}

extern "C" int setsockopt(int fd, int level, int name, const void* value, socklen_t length) noexcept {
  if (of_ipvs(level, name)) return 0;
  static const auto real = reinterpret_cast<decltype(&setsockopt)>(dlsym(RTLD_NEXT, "setsockopt"));
  return real(fd, level, name, value, length);
}
