#include "service.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "log.hpp"

namespace anyprobe {
namespace {

// Of one question, for what happens while it is under way. Whoever closes sockets all the time must not keep
// it from any answer.
constexpr unsigned kMostRestarts = 16;
// Why it is unknown again.
constexpr std::string_view kAfresh = "afresh";

}  // namespace

Service::Service(EventLoop& loop, ServiceConfig config, const Listener& listener, ReturnPolling* returns)
    : loop_(loop),
      config_(std::move(config)),
      listener_(listener),
      health_(config_.health, Clock::now()),
      schedule_(config_.schedule, std::random_device{}()),
      returns_(returns),
      timer_(loop, [this] { timer(); }) {
  make_runner();
}

void Service::make_runner() {
  std::vector<Probe*> probes;
  for (const auto& probe : config_.probes) probes.push_back(probe.get());
  look_at_endpoints();
  runner_ = std::make_unique<Runner>(
      loop_, probes, config_.need, config_.timeout,
      [this](const Result& result, Duration took) { done(result, took); }, config_.shared);
}

bool Service::look_at_endpoints() {
  std::vector<Endpoint> now;
  for (const auto& probe : config_.probes) {
    auto asked = probe->endpoints();
    endpoints_vary_ = endpoints_vary_ || asked.empty();
    now.insert(now.end(), std::make_move_iterator(asked.begin()), std::make_move_iterator(asked.end()));
  }
  if (now == endpoints_) return false;
  endpoints_ = std::move(now);
  waiting_.reset();
  return true;
}

void Service::start(std::size_t position, std::size_t all, bool held) {
  stop();
  const auto now = Clock::now();
  if (history_ && state() != HealthState::unknown) history_->add(now, HealthState::unknown, kAfresh, {});
  health_ = Health(config_.health, now, held);
  last_instance_.clear();
  reason_ = {};
  detail_.clear();
  due_ = schedule_.first(now, position, all);
  started_ = true;
  arm();
}

void Service::stop() {
  started_ = told_closed_ = ask_again_ = false;
  waiting_.reset();
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
  const auto before = state();
  health_.start_over(now);
  if (state() == HealthState::unknown) {
    if (history_ && before != state()) history_->add(now, state(), kAfresh, {});
    reason_ = {};
    detail_.clear();
  }
  due_ = now;
  arm();
}

void Service::ask_at_once(bool closed) {
  if (!started_) return;
  // It is known by now. The kernel tells of a listener's end once for each connection that it had not
  // accepted.
  if (closed && config_.on_close == OnClose::probe && dead()) return;
  told_closed_ = told_closed_ || closed;
  if (runner_->running() && restarts_ == kMostRestarts) {
    ask_again_ = true;
    return;
  }
  restarts_ = runner_->running() ? restarts_ + 1 : 0;
  runner_->cancel();
  round();
  arm();
}

void Service::keep_history() {
  if (!history_) history_ = std::make_unique<History>();
}

void Service::look_at_age() {
  if (started_) tell(health_.tick(Clock::now()));
}

void Service::reconfigure(ServiceConfig config) {
  const bool replace = !config.probes.empty();
  // The runner goes before the probes that it points to.
  if (replace) runner_.reset();
  if (replace) endpoints_vary_ = false;
  if (!replace) config.probes = std::move(config_.probes);
  if (config.advertise != config_.advertise) standing_.clear();
  config_ = std::move(config);
  health_.set_policy(config_.health);
  schedule_.set_policy(config_.schedule);
  make_runner();
  if (!started_) return;
  due_ = std::min(due_, Clock::now() + config_.schedule.interval);
  arm();
}

std::optional<AdvertisementState> Service::standing(const Advertisement& what) const {
  const auto& all = config_.advertise;
  const auto found = std::find(all.begin(), all.end(), what);
  const auto index = static_cast<std::size_t>(found - all.begin());
  return index < standing_.size() ? std::optional(standing_[index]) : std::nullopt;
}

void Service::count() {
  if (counts_ == nullptr) counts_ = std::make_unique<CheckCounts>();
}

void Service::round() {
  due_ = Clock::now();
  runner_->start(!up() || logs(LogLevel::debug));
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
  const bool again = std::exchange(ask_again_, false);
  last_ = Last{now, result.verdict, result.evidence, result.reason, took};
  if (history_) history_->add(now, result.verdict, result.reason, took);
  if (counts_ != nullptr) counts_->add(result.verdict, result.reason, took);
  listener_.on_check(*this, {result, took, before});
  const bool decides = dead() && told_closed_ && config_.on_close == OnClose::withdraw;
  tell(health_.observe(result, now, decides));
  if (result.verdict != Verdict::local_error) told_closed_ = again && told_closed_;
  restarts_ = 0;
  const bool waits = waits_for_return();
  if (!waits) waiting_.reset();
  if (waits && !waiting_) waiting_.emplace(*returns_);
  // Nothing is gained by waiting between two refusals, but the third is to show that it lasts.
  if (again || (dead() && before == Verdict::pass && state() != HealthState::down))
    due_ = now;
  else
    due_ = schedule_.next(due_, now, waits || health_.in_doubt(),
                          waits ? returns_->least_interval() : Duration());
  arm();
}

void Service::tell(const std::optional<HealthEvent>& event) {
  if (!event) return;
  if (event->kind != HealthEvent::Kind::held) {
    reason_ = event->reason;
    detail_ = event->detail;
  }
  if (history_ && event->kind == HealthEvent::Kind::changed)
    history_->add(Clock::now(), event->to, reason_, detail_);
  if (counts_ != nullptr && event->kind == HealthEvent::Kind::changed) counts_->add(event->to);
  listener_.on_event(*this, *event);
}

// Nobody listens there, and may again at any moment.
bool Service::waits_for_return() const {
  if (returns_ == nullptr || state() != HealthState::down || !dead()) return false;
  return waiting_ || std::any_of(endpoints_.begin(), endpoints_.end(), [this](const Endpoint& endpoint) {
           return returns_->may_ask(endpoint.address.ip);
         });
}

void Service::arm() {
  if (!started_) return;
  const auto tick = health_.next_tick();
  timer_.start_at(runner_->running() ? tick : std::min(due_, tick));
}

}  // namespace anyprobe
