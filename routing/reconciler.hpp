// Holds in the kernel what is wanted there: compares and mends whenever one of the two changes, and from time
// to time in any case. Silent: what happened goes to a listener.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/advertisement.hpp"
#include "core/event_loop.hpp"
#include "plan.hpp"
#include "route_table.hpp"

namespace anyprobe {

// Told at the end of a compare, also from inside configure(), want() and compare(). May ask the reconciler,
// but not make it compare. Texts are one line; each thing is told when it begins, not again while it lasts.
class ReconcilerListener {
 public:
  virtual void changed(const Advertisement& what, AdvertisementState state) = 0;
  virtual void repaired(const std::string& text) = 0;  // somebody removed or altered what is ours
  virtual void noticed(const std::string& text) = 0;   // an interface is missing, or is there at last
  virtual void failed(const std::string& text) = 0;    // the kernel refused, or an address is foreign
  virtual void settled() = 0;                          // settled() has become true again

 protected:
  ~ReconcilerListener() = default;
};

struct ReconcilerTimes {
  Duration interval = std::chrono::seconds(30);         // between compares at most
  Duration retry = std::chrono::seconds(1);             // after a failure that is new
  Duration least_gap = std::chrono::milliseconds(100);  // between compares that events cause
  Duration repair_gap = std::chrono::seconds(10);       // between texts of repairs to one advertisement
};

class Reconciler {
 public:
  // All that is referred to outlives it. `adopt`: addresses without our mark are taken for ours.
  Reconciler(EventLoop& loop, RouteTable& table, RouteMonitor& monitor, ReconcilerListener& listener,
             bool adopt, ReconcilerTimes times = {});
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  // The following three compare before they return: by then the kernel has been told and states() is so. They
  // return settled().

  // The new set, no advertisement in it twice. What stays keeps its state, what is new begins withdrawn, what
  // is not in it any more is withdrawn.
  bool configure(const std::vector<Advertisement>& advertisements);
  // One for each advertisement in the order of configure(); of another length it changes nothing.
  bool want(const std::vector<bool>& announce);
  bool compare();

  // Whether the last compare left nothing undone that can be done. Waiting for an interface, and leaving
  // alone what is foreign, is all that can be done. What failed is tried again.
  [[nodiscard]] bool settled() const { return settled_; }
  // In the order of configure().
  [[nodiscard]] const std::vector<AdvertisementState>& states() const { return states_; }
  // What the last compare found that has the number of ours but not the mark: "192.0.2.1/32 on eth0".
  [[nodiscard]] std::vector<std::string> foreign() const;

 private:
  struct Gone {
    Advertisement advertisement;
    AdvertisementState state = AdvertisementState::withdrawn;
  };
  struct Repairs {
    TimePoint told{};
    unsigned untold = 0;
  };
  using Failures = std::map<std::string, std::vector<std::string>>;  // what failed, by cause

  void on_event(const TableEvent& event);
  [[nodiscard]] bool concerns_us(const TableEvent& event) const;
  [[nodiscard]] bool is_news(const TableEvent& event) const;
  [[nodiscard]] std::vector<bool> carry_out(const Plan& plan, Failures& failures);
  void look_at_links(const Snapshot& seen);
  void take_outlooks(const Plan& plan, const std::vector<bool>& failed);
  void note_repairs(const Plan& plan, const std::vector<bool>& failed);
  void tell_repairs();
  void forget_gone();
  bool tell_failures(const Failures& failures);
  void finish(const Failures& failures, bool torn);

  RouteTable& table_;
  ReconcilerListener& listener_;
  bool adopt_;
  ReconcilerTimes times_;

  std::vector<Desired> desired_;
  std::vector<AdvertisementState> states_;
  std::vector<Gone> gone_;
  std::vector<SeenAddress> foreign_;
  std::multimap<IpAddress, std::size_t> numbers_;  // of desired_, by index, and of gone_, by kNobody
  std::map<std::string, int> links_;               // those we need; 0: missing
  std::map<Advertisement, Repairs> repairs_;
  std::set<std::string> failing_;
  bool settled_ = false;
  TimePoint last_for_event_{};

  Deferred now_;
  Timer later_;
  Timer periodic_;
};

}  // namespace anyprobe
