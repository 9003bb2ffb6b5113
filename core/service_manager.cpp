#include "service_manager.hpp"

#include "anyprobe_features.hpp"

#if ANYPROBE_WITH_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

namespace anyprobe {
namespace {

#if ANYPROBE_WITH_LIBSYSTEMD

void tell(const char* what) {
  sd_notify(0, what);
}

Duration watchdog_period() {
  std::uint64_t microseconds = 0;
  // Half of it, as sd_watchdog_enabled(3) has it.
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return {};
  return std::chrono::microseconds(microseconds / 2);
}

#else

void tell(const char* /*what*/) {}

Duration watchdog_period() {
  return {};
}

#endif

}  // namespace

ServiceManager::ServiceManager(EventLoop& loop)
    : period_(watchdog_period()), watchdog_(loop, [this] { feed(); }) {}

void ServiceManager::ready() {
  tell("READY=1");
  if (period_ > Duration::zero()) feed();
}

void ServiceManager::stopping() {
  tell("STOPPING=1");
}

void ServiceManager::feed() {
  tell("WATCHDOG=1");
  watchdog_.start(period_);
}

}  // namespace anyprobe
