#include "service.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace anyprobe {

Service::Service(EventLoop& loop, ServiceConfig config, OnEvent on_event, OnCheck on_check)
    : loop_(loop),
      config_(std::move(config)),
      on_event_(std::move(on_event)),
      on_check_(std::move(on_check)),
      health_(config_.health, Clock::now()),
      schedule_(config_.schedule, std::random_device{}()),
      timer_(loop, [this] { timer(); }) {
  make_runner();
}

void Service::make_runner() {
  std::vector<Probe*> probes;
  endpoints_.clear();
  for (const auto& probe : config_.probes) {
    probes.push_back(probe.get());
    for (auto& endpoint : probe->endpoints()) endpoints_.push_back(std::move(endpoint));
  }
  runner_ = std::make_unique<Runner>(
      loop_, std::move(probes), config_.need, config_.timeout,
      [this](const Result& result, Duration took) { done(result, took); }, config_.shared);
}

void Service::start(std::size_t position, bool held) {
  stop();
  const auto now = Clock::now();
  health_ = Health(config_.health, now, held);
  last_instance_.clear();
  reason_ = {};
  detail_.clear();
  due_ = schedule_.first(now, position);
  started_ = true;
  arm();
}

void Service::stop() {
  started_ = false;
  runner_->cancel();
  timer_.stop();
}

void Service::catch_up() {
  if (!started_) return;
  look_at_age();
  if (!runner_->running()) round();
}

void Service::ask_afresh() {
  if (!started_) return;
  const auto now = Clock::now();
  runner_->cancel();
  health_.start_over(now);
  if (state() == HealthState::unknown) {
    reason_ = {};
    detail_.clear();
  }
  due_ = now;
  arm();
}

void Service::look_at_age() {
  if (started_) tell(health_.tick(Clock::now()));
}

void Service::reconfigure(ServiceConfig config) {
  const bool replace = !config.probes.empty();
  // The runner goes before the probes that it points to.
  if (replace) runner_.reset();
  if (!replace) config.probes = std::move(config_.probes);
  config_ = std::move(config);
  health_.set_policy(config_.health);
  schedule_.set_policy(config_.schedule);
  make_runner();
  if (!started_) return;
  due_ = std::min(due_, Clock::now() + config_.schedule.interval);
  arm();
}

void Service::round() {
  due_ = Clock::now();
  runner_->start();
}

void Service::timer() {
  const auto now = Clock::now();
  tell(health_.tick(now));
  if (started_ && now >= due_ && !runner_->running()) round();
  arm();
}

void Service::done(const Result& result, Duration took) {
  const auto now = Clock::now();
  const auto before = last_ ? last_->verdict : Verdict::pass;
  last_ = Last{now, result.verdict, result.evidence, result.reason, took};
  on_check_(*this, {result, took, before});
  tell(health_.observe(result, now));
  due_ = schedule_.next(due_, now, health_.in_doubt());
  arm();
}

void Service::tell(const std::optional<HealthEvent>& event) {
  if (!event) return;
  if (event->kind != HealthEvent::Kind::held) {
    reason_ = event->reason;
    detail_ = event->detail;
  }
  on_event_(*this, *event);
}

void Service::arm() {
  if (!started_) return;
  const auto tick = health_.next_tick();
  timer_.start_at(runner_->running() ? tick : std::min(due_, tick));
}

}  // namespace anyprobe
