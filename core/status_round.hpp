// The status with detail of all that tell, taken little by little: of thousands of services it takes so long
// that checks would be late, and then come all at once.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "event_loop.hpp"
#include "status.hpp"

namespace anyprobe {

class StatusRound {
 public:
  struct Source {
    // The daemon with so many of its services from that one; fewer: those were the last. What is wrong with
    // it comes with the first, and with each what is wrong with those.
    std::function<InstanceStatus(std::size_t first, std::size_t count)> some;
    std::function<std::optional<InstanceStatus>()> beside;  // another daemon
  };
  // `taken`: a round is over. Called by begin(), where there are few, or from a callback of the loop.
  StatusRound(EventLoop& loop, Source source, std::function<void()> taken);

  // Nothing where one is under way.
  void begin();
  // The services are others now.
  void begin_anew();
  // What the last round has taken, once; else it is taken at once.
  [[nodiscard]] std::vector<InstanceStatus> take();
  // Whether there is something to take.
  [[nodiscard]] bool has_taken() const { return taken_.has_value(); }
  void forget() { taken_.reset(); }
  [[nodiscard]] Duration worked() const { return worked_; }  // in the last round

 private:
  bool add_some();
  void step();

  const Source source_;
  const std::function<void()> done_;
  std::vector<InstanceStatus> taking_;
  std::optional<std::vector<InstanceStatus>> taken_;
  std::size_t first_ = 0;
  Duration worked_{};
  Timer more_;
};

}  // namespace anyprobe
