// One service at work: its probes asked on schedule, its health kept. Its owner is told of every event.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "check_counts.hpp"
#include "config.hpp"
#include "health.hpp"
#include "history.hpp"
#include "last_instance.hpp"
#include "return_polling.hpp"
#include "runner.hpp"
#include "schedule.hpp"

namespace anyprobe {

class Service {
 public:
  struct Check {
    const Result& result;
    Duration took{};
    Verdict before = Verdict::pass;  // of the check before it
  };
  struct Listener {
    std::function<void(Service&, const HealthEvent&)> on_event;
    std::function<void(Service&, const Check&)> on_check;
  };

  // `config` with its probes. It does nothing before start(). `listener` and `returns` outlive the service;
  // where `returns` is null, one that is refused is asked no faster for that.
  Service(EventLoop& loop, ServiceConfig config, const Listener& listener, ReturnPolling* returns = nullptr);

  // Unknown, and asked for the first time soon: see Schedule::first. `held`: see Health.
  void start(std::size_t position, std::size_t all = 1, bool held = false);
  void stop();  // asks no more; what it knew is forgotten at the next start

  // Time has passed that the loop did not see (a stop): what is stale is said now, and the service is asked
  // at once.
  void catch_up();
  // Something may have happened to it: only answers to what is asked from now on count.
  void ask_afresh();
  // It may just have failed: it is asked at once, and what it answers to an earlier question counts no more.
  // `closed`: the kernel says that its socket is closed, so that a refusal decides.
  void ask_at_once(bool closed);
  // Says what is stale by now, so that what follows is not said on old answers.
  void look_at_age();

  // Takes a changed configuration of the same service. Its state stays; probes are replaced only if `config`
  // has any.
  void reconfigure(ServiceConfig config);

  [[nodiscard]] const std::string& name() const { return config_.name; }
  [[nodiscard]] const ServiceConfig& config() const { return config_; }
  [[nodiscard]] HealthState state() const { return health_.state(); }
  [[nodiscard]] bool up() const { return state() == HealthState::up; }
  [[nodiscard]] const Health& health() const { return health_; }
  // Of the change to the state that it has, or since then of its shared probes; empty where there was none
  // since the start.
  [[nodiscard]] std::string_view reason() const { return reason_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  // The last round that ended, also one from before the last start.
  struct Last {
    TimePoint at{};
    Verdict verdict = Verdict::fail;
    Evidence evidence = Evidence::soft;
    std::string_view reason;
    Duration took{};
  };
  [[nodiscard]] const std::optional<Last>& last() const { return last_; }
  // What comes from now on is remembered, which takes memory.
  void keep_history();
  [[nodiscard]] const History* history() const { return history_.get(); }  // null: none is kept
  // The last round ended with a refusal for certain.
  [[nodiscard]] bool dead() const {
    return last_ && last_->verdict == Verdict::fail && last_->evidence == Evidence::conclusive;
  }
  // Its owner says when it fails; it is cleared with the next start.
  [[nodiscard]] LastInstance& last_instance() { return last_instance_; }
  [[nodiscard]] const LastInstance& last_instance() const { return last_instance_; }
  // Of probes whose targets are given by name they are empty before the first answers, and change with them:
  // see endpoints_vary().
  [[nodiscard]] const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  [[nodiscard]] bool endpoints_vary() const { return endpoints_vary_; }
  // Looks again what is asked; true where that is otherwise than before.
  bool look_at_endpoints();

  // From now on its checks are counted; counts() is null before that.
  void count();
  [[nodiscard]] const CheckCounts* counts() const { return counts_.get(); }

  // How the kernel has what the configuration advertises, in that order; its owner is told that.
  void set_standing(std::span<const AdvertisementState> states) {
    standing_.assign(states.begin(), states.end());
  }
  // Nothing of what it does not advertise, or nobody has told of yet.
  [[nodiscard]] std::optional<AdvertisementState> standing(const Advertisement& what) const;

 private:
  void make_runner();
  void round();
  void done(const Result& result, Duration took);
  void timer();
  void tell(const std::optional<HealthEvent>& event);
  [[nodiscard]] bool waits_for_return() const;
  void arm();

  EventLoop& loop_;
  ServiceConfig config_;
  const Listener& listener_;
  std::vector<Endpoint> endpoints_;
  bool endpoints_vary_ = false;
  Health health_;
  Schedule schedule_;
  TimePoint due_{};
  bool started_ = false;
  bool told_closed_ = false;  // and no answer has come since
  bool ask_again_ = false;    // what is under way does not answer it
  unsigned restarts_ = 0;     // of the question that is under way
  ReturnPolling* returns_;
  std::optional<ReturnPolling::Place> waiting_;
  std::string_view reason_;
  std::string detail_;
  std::optional<Last> last_;
  std::unique_ptr<History> history_;
  LastInstance last_instance_;
  std::vector<AdvertisementState> standing_;
  std::unique_ptr<CheckCounts> counts_;
  std::unique_ptr<Runner> runner_;
  Timer timer_;
};

}  // namespace anyprobe
