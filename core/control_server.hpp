// Answers who asks over the control socket: a LineServer of requests and replies.
#pragma once

#include <functional>

#include "control_message.hpp"
#include "line_server.hpp"

namespace anyprobe {

class ControlServer : public LineServer {
 public:
  // Called from a callback of the loop.
  using Answer = std::function<ControlReply(const ControlRequest& request)>;

  ControlServer(EventLoop& loop, Answer answer, LineLimits limits = {});
};

}  // namespace anyprobe
