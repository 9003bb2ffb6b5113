// Preloaded into the program that is tested: the kernel's clock with the status that TOLD_CLOCK says.
#include <sys/timex.h>

#include <cstdlib>

extern "C" int adjtimex(timex* clock) noexcept {
  const char* status = std::getenv("TOLD_CLOCK");
  *clock = {};
  clock->status = status != nullptr ? std::atoi(status) : 0;
  return TIME_OK;
}
