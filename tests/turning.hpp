// An event loop of a test, turned until something has come about.
#pragma once

#include <ev.h>

#include <functional>

#include "core/event_loop.hpp"

namespace anyprobe {

// Whether the condition holds, at the latest after `patience`.
inline bool turn_until(EventLoop& loop, const std::function<bool()>& condition,
                       Duration patience = std::chrono::seconds(20)) {
  constexpr Duration kLook = std::chrono::milliseconds(1);
  bool late = false;
  Timer deadline(loop, [&] { late = true; });
  deadline.start(patience);
  // What comes true before the loop sleeps would not wake it.
  Timer look(loop, [&] { look.start(kLook); });
  look.start(kLook);
  while (!condition() && !late) ev_run(loop.raw(), EVRUN_ONCE);
  return condition();
}

}  // namespace anyprobe
