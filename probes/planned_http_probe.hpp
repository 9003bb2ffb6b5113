// A probe that asks by HTTP what a plan says.
#pragma once

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "probes/http_attempt.hpp"

namespace anyprobe {

class PlannedHttpProbe final : public Probe {
 public:
  PlannedHttpProbe(EventLoop& loop, HttpPlan plan) : loop_(loop), plan_(std::move(plan)), curl_(loop) {}

  // Each server once.
  [[nodiscard]] std::vector<Endpoint> endpoints() const override {
    std::vector<Endpoint> out;
    std::set<SocketAddress> seen;
    for (const auto& question : plan_.questions) {
      const auto& target = question.request.target;
      if (seen.insert(target.server).second) out.push_back({target.server, Protocol::tcp, target.device});
    }
    return out;
  }

  [[nodiscard]] std::unique_ptr<Attempt> start(ResultSink& sink) override {
    auto attempt = std::make_unique<HttpAttempt>(loop_, curl_, plan_, sink);
    attempt->begin();
    return attempt;
  }

 private:
  EventLoop& loop_;
  const HttpPlan plan_;
  CurlLoop curl_;
};

}  // namespace anyprobe
