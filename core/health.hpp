// Whether a service is up, from the verdicts on it. The one place where that is decided. Pure: it takes the
// time as an argument, does nothing, and says when it next wants to be asked.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "damping.hpp"
#include "probe.hpp"

namespace anyprobe {

enum class HealthState : std::uint8_t { unknown, up, down };  // unknown is withdrawn, as down is
const char* to_string(HealthState state);

struct HealthPolicy {
  unsigned rise = 2;                               // good answers in a row that make it up
  unsigned fall = 3;                               // bad ones that make it down
  Duration hold_down{};                            // least time down before it may be up again
  Duration stale_after = std::chrono::seconds(3);  // no verdict for so long: down
  std::optional<DampingPolicy> damping;

  friend bool operator==(const HealthPolicy&, const HealthPolicy&) = default;
};

struct HealthEvent {
  enum class Kind : std::uint8_t {
    changed,        // `from` to the state it has now
    held,           // would be up, but is held back
    shared_fails,   // up, which it would not be without what Tally says of shared probes
    shared_passes,  // and no more so
  };
  Kind kind = Kind::changed;
  HealthState from = HealthState::unknown;
  HealthState to = HealthState::unknown;
  std::string_view reason;  // the slug of the verdict that decided, or "stale"
  std::string detail;
  Duration lasted{};         // how long it had been in `from`
  std::string_view held_by;  // "hold_down" or "damping"; empty: by nothing
  Duration held_for{};       // from now
  double penalty = 0;        // after the event, of a service with damping
  bool suppressed = false;   // by damping, after the event
};

struct SharedFailure {
  TimePoint since{};
  std::string detail;  // of the last
};

class Health {
 public:
  // `held`: it was up for whoever asked before, and what it announces stands until more is known. Then the
  // first verdict decides, either way.
  Health(const HealthPolicy& policy, TimePoint now, bool held = false);

  // A verdict, reached at `now`. `for_certain`: there is other evidence for a bad one, which decides alone.
  std::optional<HealthEvent> observe(const Result& result, TimePoint now, bool for_certain = false);
  // At next_tick() or later: what time alone brings about.
  std::optional<HealthEvent> tick(TimePoint now);
  [[nodiscard]] TimePoint next_tick() const;

  [[nodiscard]] HealthState state() const { return state_; }
  // The last answer differs from the state, so that the next is wanted soon.
  [[nodiscard]] bool in_doubt() const { return doubt_; }
  [[nodiscard]] TimePoint since() const { return since_; }

  // While it is up in spite of shared probes: since it came up so, or after `fall` such answers, until `rise`
  // others. Null where it is not.
  [[nodiscard]] const SharedFailure* shared_failure() const { return shared_failure_.get(); }

  // What is known may no longer be so: answers count from now on, and one that is up is unknown. Time down
  // and damping go on.
  void start_over(TimePoint now);
  // From now on by another policy; neither the state nor what counts towards a change is lost.
  void set_policy(const HealthPolicy& policy);

 private:
  std::optional<HealthEvent> rise_if_allowed(TimePoint now);
  std::optional<HealthEvent> weigh_shared(const Result& pass, TimePoint now);
  HealthEvent change(HealthState to, std::string_view reason, std::string detail, TimePoint now);
  [[nodiscard]] TimePoint held_until(TimePoint now, std::string_view& by) const;

  HealthPolicy policy_;
  std::unique_ptr<Damping> damping_;  // few have it
  HealthState state_ = HealthState::unknown;
  bool was_up_ = false;
  bool held_ = false;
  bool doubt_ = true;
  unsigned passes_ = 0;
  unsigned fails_ = 0;
  TimePoint since_;
  TimePoint last_verdict_;
  std::unique_ptr<Result> last_pass_;    // while it is not up
  std::optional<TimePoint> held_until_;  // told as held, until then
  std::unique_ptr<SharedFailure> shared_failure_;
  unsigned shared_against_ = 0;  // passes in a row that speak against what is told of shared probes
};

}  // namespace anyprobe
