// The processes that are ourselves in another role: how they are started, how they ended, and when the next
// is due.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "event_loop.hpp"

namespace anyprobe {

// The descriptor by which such a process talks to whoever started it.
inline constexpr int kOwnSocket = 3;

// Starts a fresh image of this program, so that nothing read here is in its memory, with `variable` in its
// environment to tell it its role. It reads the same words, so that it begins in `folder`, where they were
// given. Its pid, or -1. The socket stays the caller's.
pid_t spawn_self(std::vector<std::string> words, const char* variable, const std::string& value, int socket,
                 const std::string& folder);

// "exit code 1", "killed by SIGKILL", from what wait() gives.
std::string how_it_ended(int status);

// None for the first, and growing while they die young.
class RespawnDelay {
 public:
  static constexpr Duration kLongest = std::chrono::seconds(30);

  // Of one that was started then and has died now.
  Duration next(TimePoint started);

 private:
  static constexpr Duration kSecond = std::chrono::milliseconds(100);
  static constexpr Duration kStableAfter = std::chrono::seconds(60);
  Duration delay_{};
};

// Once, at the start: what is freed goes back to the system soon, also after a large block was.
void keep_no_free_memory();

// What was freed, as after a large configuration was read, goes back to the system.
void give_back_memory();

// How long after that it is worth doing again: by then thousands of services have come up.
inline constexpr Duration kSettled = std::chrono::seconds(10);

}  // namespace anyprobe
