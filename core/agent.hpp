// Answers HAProxy's agent-check for the services of a prober.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "line_server.hpp"
#include "service.hpp"

namespace anyprobe {

class Agent : public LineServer {
 public:
  using Services = std::vector<std::unique_ptr<Service>>;

  // `services` outlive it and are read when it is asked. `drained`: whether a service is withdrawn by hand.
  Agent(EventLoop& loop, const Services& services, std::function<bool(const std::string& service)> drained);
};

}  // namespace anyprobe
