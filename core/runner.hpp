// One round: all probes of a service asked once, at the same time, under one deadline.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "event_loop.hpp"
#include "probe.hpp"
#include "tally.hpp"

namespace anyprobe {

class Runner {
 public:
  using Done = std::function<void(const Result& result, Duration took)>;

  // `done` is called from a clean stack, once a round, and may destroy the runner. The probes outlive the
  // runner. `shared`: for each of them whether it is (Tally); none is where it is empty.
  Runner(EventLoop& loop, const std::vector<Probe*>& probes, std::size_t need, Duration timeout, Done done,
         const std::vector<bool>& shared = {});
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Not while one is running. `details`: of passes too.
  void start(bool details = true);
  void cancel();  // a running round is forgotten
  [[nodiscard]] bool running() const { return running_; }
  void set_timeout(Duration timeout) { timeout_ = timeout; }  // from the next round on

 private:
  class Slot final : public ResultSink {
   public:
    Slot(Runner& runner, Probe& asked, bool shared) : probe(asked), runner_(runner), shared_(shared) {}
    void report(Result result) noexcept override;
    [[nodiscard]] bool wants_detail_of_pass() const noexcept override { return runner_.details_; }

    Probe& probe;
    std::unique_ptr<Attempt> attempt;
    bool reported = false;

   private:
    Runner& runner_;
    const bool shared_;
  };

  void take(Result&& result, bool shared);
  void deadline();
  void finish();

  Tally tally_;
  Duration timeout_;
  Done done_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::optional<Result> result_;
  TimePoint started_{};
  TimePoint ended_{};
  bool running_ = false;
  bool details_ = true;
  Timer deadline_;
  Deferred finish_;
};

}  // namespace anyprobe
