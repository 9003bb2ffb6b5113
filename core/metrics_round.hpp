// The metrics of a prober, made little by little: of thousands of services they are megabytes, and no check
// waits for so long.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "event_loop.hpp"
#include "metrics.hpp"
#include "outcome.hpp"

namespace anyprobe {

class MetricsRound {
 public:
  struct Source {
    std::function<InstanceStatus()> head;  // of the daemon, without its services
    // So many of them from that one, with counts; fewer: those were the last.
    std::function<std::vector<ServiceStatus>(std::size_t first, std::size_t count)> services;
    std::function<std::optional<InstanceStatus>()> beside;  // another daemon
  };
  // `made`: a round is over. Called from a callback of the loop.
  MetricsRound(EventLoop& loop, Source source, std::function<void()> made);

  // Whether text() is of now, or nearly: a round takes a tenth of the time at most, and a text serves for a
  // second at most. Otherwise one is under way, and `made` follows.
  [[nodiscard]] bool settled();
  // Of the last round, or made at once where there was none. An error where the program was built without.
  [[nodiscard]] Outcome<std::string> text();
  // The services are others now.
  void begin_anew();

 private:
  void step();
  void begin();
  // Whether there is more.
  bool add_some();

  const Source source_;
  const std::function<void()> made_;
  MetricsText making_;
  std::string daemon_;
  std::size_t first_ = 0;
  Duration worked_{};
  std::optional<std::string> text_;
  TimePoint good_until_{};
  Timer more_;
};

}  // namespace anyprobe
