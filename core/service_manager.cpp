#include "service_manager.hpp"

#include "anyprobe_features.hpp"

#if ANYPROBE_WITH_LIBSYSTEMD
#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "log.hpp"
#include "shared_library.hpp"
#endif

namespace anyprobe {
namespace {

// Services change together, and it is for people to read.
constexpr Duration kSoon = std::chrono::milliseconds(200);

#if ANYPROBE_WITH_LIBSYSTEMD

// Null where the environment names no service manager: then the library is not loaded.
struct Functions {
  Functions() {
    if (std::getenv("NOTIFY_SOCKET") == nullptr) return;
    SharedLibrary library("libsystemd.so.0");
    library.find("sd_notify", notify);
    library.find("sd_watchdog_enabled", watchdog_enabled);
    if (library.wrong().empty()) return;
    log(LogLevel::error, "the service manager is told nothing: " + library.wrong());
    notify = nullptr;
    watchdog_enabled = nullptr;
  }

  decltype(&sd_notify) notify = nullptr;
  decltype(&sd_watchdog_enabled) watchdog_enabled = nullptr;
};

const Functions& libsystemd() {
  static const Functions once;
  return once;
}

bool is_there() {
  return libsystemd().notify != nullptr;
}

void tell(const char* what) {
  if (libsystemd().notify != nullptr) libsystemd().notify(0, what);
}

Duration watchdog_period() {
  std::uint64_t microseconds = 0;
  // Half of it, as sd_watchdog_enabled(3) has it.
  if (libsystemd().watchdog_enabled == nullptr || libsystemd().watchdog_enabled(0, &microseconds) <= 0)
    return {};
  return std::chrono::microseconds(microseconds / 2);
}

#else

bool is_there() {
  return false;
}

void tell(const char* /*what*/) {}

Duration watchdog_period() {
  return {};
}

#endif

}  // namespace

ServiceManager::ServiceManager(EventLoop& loop)
    : period_(watchdog_period()),
      watchdog_(loop, [this] { feed(); }),
      soon_(loop, [this] { tell_status(); }) {}

void ServiceManager::ready() {
  tell("READY=1");
  if (period_ > Duration::zero()) feed();
}

void ServiceManager::changed() {
  if (is_there() && status_ && !soon_.active()) soon_.start(kSoon);
}

void ServiceManager::tell_status() {
  auto status = status_();
  if (status == told_) return;
  told_ = std::move(status);
  tell(("STATUS=" + told_).c_str());
}

void ServiceManager::stopping() {
  tell("STOPPING=1");
}

void ServiceManager::feed() {
  tell("WATCHDOG=1");
  watchdog_.start(period_);
}

}  // namespace anyprobe
