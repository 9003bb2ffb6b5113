// Preloaded into the programs that are tested: their time of day is off by as many seconds as stand in a file
// (ANYPROBE_TEST_CLOCK, eight octets), and changes with it. The clocks that only count are left as they are.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>

namespace {

const volatile std::int64_t* shift_in_file() {
  const char* path = std::getenv("ANYPROBE_TEST_CLOCK");
  const int fd = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* where = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  return where == MAP_FAILED ? nullptr : static_cast<const volatile std::int64_t*>(where);
}

time_t shift() {
  static const volatile std::int64_t* const where = shift_in_file();
  return where == nullptr ? 0 : *where;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static auto* const ask = real<int(clockid_t, timespec*)>("clock_gettime");
  const int result = ask(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
  return result;
}

int gettimeofday(timeval* now, void* zone) noexcept {
  static auto* const ask = real<int(timeval*, void*)>("gettimeofday");
  const int result = ask(now, zone);
  if (result == 0) now->tv_sec += shift();
  return result;
}

time_t time(time_t* now) noexcept {
  timespec at{};
  clock_gettime(CLOCK_REALTIME, &at);
  if (now != nullptr) *now = at.tv_sec;
  return at.tv_sec;
}
}
