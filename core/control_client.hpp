// Asks daemons over their control sockets, all at the same time, and tells apart why one does not answer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control_message.hpp"
#include "event_loop.hpp"

namespace anyprobe {

struct ControlAnswer {
  enum class End : std::uint8_t {
    answered,   // `text` is what it said
    refused,    // it answers that it does not; `text` is why
    vanished,   // its socket is not there any more
    dead,       // it left its socket behind
    forbidden,  // we may not open its socket
    suspended,  // stopped by a signal; `pid` resumes by SIGCONT
    headless,   // its prober is gone, and its keeper is to start another
    hangs,      // it takes the connection, or not even that, and says nothing
    cut,        // it ended in the middle of its answer; `text` is empty where there was nothing of one
    nonsense,   // it said something else than an answer
    failed,     // we could not ask; `text` is why
  };

  std::string instance;
  End end = End::failed;
  std::string text;
  std::optional<pid_t> pid;  // whom it is about, where that is known
};

struct ControlPatience {
  Duration look = std::chrono::milliseconds(100);  // how often it is looked whether a silent one is stopped
  Duration silence = std::chrono::seconds(5);      // nothing for so long: it hangs
};

// One answer for each of `instances`, in their order: of RUN_DIR/INSTANCE.sock, whose process is in
// RUN_DIR/INSTANCE.pid.
std::vector<ControlAnswer> ask_instances(const std::string& run_dir,
                                         const std::vector<std::string>& instances,
                                         const ControlRequest& request, ControlPatience patience = {});

}  // namespace anyprobe
