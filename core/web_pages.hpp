// The page that shows the services, and what it is fed with: at /, /status.json and, live, /events.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "event_loop.hpp"
#include "page_feed.hpp"
#include "web_server.hpp"

namespace anyprobe {

class WebPages {
 public:
  struct Source {
    std::function<std::vector<InstanceStatus>()> status;  // with detail
    std::function<std::string()> json;                    // the same, as `anyprobe status --json` has it
  };

  // `server` outlives it. Called from callbacks of the loop, and only while somebody looks.
  WebPages(EventLoop& loop, WebServer& server, Source source);

 private:
  std::string begin();
  void tell();

  WebServer& server_;
  const Source source_;
  PageFeed feed_;
  TimePoint look_again_{};
  TimePoint told_{};
  Timer timer_;
};

}  // namespace anyprobe
