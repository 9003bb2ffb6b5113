// The page that shows the services, and what it is fed with: at /, /status.json and, live, /events.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "event_loop.hpp"
#include "page_feed.hpp"
#include "status_round.hpp"
#include "web_server.hpp"

namespace anyprobe {

class WebPages {
 public:
  struct Source {
    StatusRound::Source status;         // with detail
    std::function<std::string()> json;  // the same, as `anyprobe status --json` has it
    std::function<bool()> is_settled;   // whether nothing better is to come soon; else go_on() follows
  };

  // `server` outlives it. Called from callbacks of the loop, and only while somebody looks.
  WebPages(EventLoop& loop, WebServer& server, Source source);

  void go_on();  // see is_settled
  // The services are others now.
  void begin_anew() { round_.begin_anew(); }

 private:
  bool may_begin();
  std::string begin();
  void tell();
  void taken();
  void next_piece();

  WebServer& server_;
  const Source source_;
  PageFeed feed_;
  StatusRound round_;
  bool waits_ = false;   // somebody, until what he is told first is settled
  bool begins_ = false;  // somebody is told by the round
  bool looks_ = false;   // the round is for those who follow
  TimePoint look_again_{};
  TimePoint told_{};
  Timer timer_;
};

}  // namespace anyprobe
