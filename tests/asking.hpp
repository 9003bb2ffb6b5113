// A way for a test to ask with a probe, in the test's own event loop.
#pragma once

#include <sys/resource.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/command_runner.hpp"
#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/dns_probe.hpp"

namespace anyprobe::test {

// A probe made of the options in `json`, and one attempt of it.
class Asking final : public ResultSink {
 public:
  Asking(EventLoop& loop, const std::string& json, const ProbePlugin& plugin = kDnsProbe,
         CommandRunner* commands = nullptr);

  void report(Result result) noexcept override;

  [[nodiscard]] const std::optional<Result>& result() const { return result_; }
  [[nodiscard]] const Probe& probe() const { return *probe_; }
  [[nodiscard]] std::string waiting_for() const { return attempt_->waiting_for(); }
  [[nodiscard]] bool asked() const { return attempt_->asked(); }
  void again();  // a new attempt of the same probe
  void cancel() { attempt_.reset(); }

  // Runs the loop until the attempt has reported; the result of one that never does has the reason "none".
  Result wait();
  // Runs the loop until the condition holds; false where it never does.
  bool wait_until(const std::function<bool()>& condition);

 private:
  EventLoop& loop_;
  std::unique_ptr<Probe> probe_;
  std::optional<Result> result_;
  std::unique_ptr<Attempt> attempt_;
};

// What the options in `json` are refused for, one line an error; empty: for nothing.
std::vector<std::string> errors_of(const std::string& json, const ProbePlugin& plugin = kDnsProbe);

// No descriptor can be opened while it lives.
class NoDescriptors {
 public:
  NoDescriptors();
  ~NoDescriptors();
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace anyprobe::test
