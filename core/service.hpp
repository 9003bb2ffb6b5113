// One service at work: its probes asked on schedule, its health kept. Its owner is told of every event.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config.hpp"
#include "health.hpp"
#include "runner.hpp"
#include "schedule.hpp"

namespace anyprobe {

class Service {
 public:
  struct Check {
    Result result;
    Duration took{};
    Verdict before = Verdict::pass;  // of the check before it
  };
  using OnEvent = std::function<void(Service&, const HealthEvent&)>;
  using OnCheck = std::function<void(Service&, const Check&)>;

  // `config` with its probes. It does nothing before start().
  Service(EventLoop& loop, ServiceConfig config, OnEvent on_event, OnCheck on_check);

  // Unknown, and asked for the first time soon: see Schedule::first.
  void start(std::size_t position);
  void stop();  // asks no more; what it knew is forgotten at the next start

  // Time has passed that the loop did not see (a stop): what is stale is said now, and the service is asked
  // at once.
  void catch_up();

  // Takes a changed configuration of the same service. Its state stays; probes are replaced only if `config`
  // has any.
  void reconfigure(ServiceConfig config);

  [[nodiscard]] const std::string& name() const { return config_.name; }
  [[nodiscard]] const ServiceConfig& config() const { return config_; }
  [[nodiscard]] bool up() const { return health_.state() == HealthState::up; }
  [[nodiscard]] const std::vector<Endpoint>& endpoints() const { return endpoints_; }

 private:
  void make_runner();
  void round();
  void done(const Result& result, Duration took);
  void timer();
  void tell(const std::optional<HealthEvent>& event);
  void arm();

  EventLoop& loop_;
  ServiceConfig config_;
  OnEvent on_event_;
  OnCheck on_check_;
  std::vector<Endpoint> endpoints_;
  Health health_;
  Schedule schedule_;
  TimePoint due_{};
  bool started_ = false;
  Verdict last_verdict_ = Verdict::pass;
  std::unique_ptr<Runner> runner_;
  Timer timer_;
};

}  // namespace anyprobe
