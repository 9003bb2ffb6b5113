// One message to a Unix socket, as the C library's syslog() puts it: a datagram, or where the socket takes
// none, a connection on which the message ends with NUL.
#pragma once

#include <functional>
#include <string>

#include "core/event_loop.hpp"

namespace anyprobe {

inline constexpr std::size_t kLocalPathMost = 107;

class LocalMessage {
 public:
  // Called at most once, perhaps inside send(): without an error (0) it was sent. `call` is what failed.
  using Done = std::function<void(const char* call, int error)>;

  // A path of at most kLocalPathMost octets. In `done` it may not be destroyed.
  LocalMessage(EventLoop& loop, std::string path, Done done);
  ~LocalMessage();  // cancels, calls nothing
  LocalMessage(const LocalMessage&) = delete;
  LocalMessage& operator=(const LocalMessage&) = delete;

  // Where the socket takes nothing now, it waits: whoever reads it does not.
  void send(std::string message);

 private:
  int connect(int type);
  void write();
  void finish(const char* call, int error);
  void close();

  const std::string path_;
  Done done_;
  std::string unsent_;
  bool stream_ = false;
  int fd_ = -1;
  Io io_;
};

}  // namespace anyprobe
