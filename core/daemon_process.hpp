// What others can see of a daemon's processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace anyprobe {

enum class ProcessState : std::uint8_t {
  runs,     // or cannot be looked at
  stopped,  // by a signal (state T)
  gone,     // or dead and not yet buried
};

ProcessState process_state(pid_t pid);

// The state in what /proc/PID/stat says, proc(5); the name in it may be anything.
ProcessState parse_process_state(const std::string& stat);

// What stands in a pid file; nothing where there is none, or no number in it.
std::optional<pid_t> read_pid_file(const std::string& path);

}  // namespace anyprobe
