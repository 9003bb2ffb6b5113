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
#include "core/keeper_link.hpp"
#include "interface_watch.hpp"
#include "owners_by_number.hpp"
#include "plan.hpp"
#include "repair_book.hpp"
#include "route_table.hpp"
#include "spacing.hpp"

namespace anyprobe {

// Told at the end of a compare, also from inside configure(), want() and compare(). May ask the reconciler,
// but not make it compare. Texts are one line; each thing is told when it begins, not again while it lasts.
class ReconcilerListener {
 public:
  virtual void changed(const Advertisement& what, AdvertisementState state) = 0;
  virtual void repaired(const std::string& text) = 0;   // somebody removed or altered what is ours
  virtual void noticed(const std::string& text) = 0;    // an interface is missing, or is there at last
  virtual void failed(const std::string& text) = 0;     // the kernel refused, or an address is foreign
  virtual void settled() = 0;                           // settled() has become true again
  virtual void carried_out(std::size_t /*changes*/) {}  // at the end of a compare, renewals among them

 protected:
  ~ReconcilerListener() = default;
};

struct ReconcilerTimes {
  Duration interval = std::chrono::seconds(30);         // between compares at most
  Duration retry = std::chrono::seconds(1);             // after a failure that is new
  Duration least_gap = std::chrono::milliseconds(100);  // between compares that events cause
  Duration repair_gap = std::chrono::seconds(10);       // between texts of repairs to one advertisement
  // Of a lease, beyond the next time that it is said anew: the kernel is not told yet. To tell it costs tens
  // of microseconds for each address where an interface has ten thousand.
  Duration enough_left = std::chrono::seconds(4);
};

// What is to become of one advertisement.
struct Standing {
  Wish wish = Wish::withdraw;
  TimePoint until = TimePoint::max();  // its lease: from then on it is withdrawn; max(): it has none
  // Of what is announced: it is to be withdrawn, which waits until then. Until then what stands stays, and
  // what does not is not added any more. TimePoint(): it is not to be.
  TimePoint leaves_at = {};
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
  // is not in it any more is withdrawn, and lingers for as long as `lingers` said of it then (where that is
  // empty: not at all). Without `compares` want() is told at once what is wished of it.
  bool configure(const std::vector<Advertisement>& advertisements, std::vector<Duration> lingers = {},
                 bool compares = true);
  // One for each advertisement in the order of configure(); of another length it changes nothing. The owner
  // says it again when a lease ends.
  bool want(const std::vector<Standing>& standing);
  bool compare();

  // What is not configured any more lingers no longer, and waits no longer to be withdrawn.
  void end_lingering();

  // How far changes of a prefix are to lie apart: announcements, and withdrawals of what is not configured
  // any more, wait for it. Whoever withdraws as planned asks spacing() when that may be; a wish to withdraw
  // is obeyed at once.
  void set_spacing(Duration gap) { spacing_.set_gap(gap); }
  [[nodiscard]] const Spacing& spacing() const { return spacing_; }
  // In the order of configure(): until when the next change of it waits; TimePoint() where none does. What is
  // announced waits to be withdrawn, all else to be announced.
  [[nodiscard]] const std::vector<TimePoint>& waits() const { return waits_; }

  // Left by an earlier run: what of it is not configured goes with the next compare.
  void inherit(const std::vector<Advertisement>& earlier);
  // Which of them are there now with our mark, a link: up. Nothing where that cannot be read.
  [[nodiscard]] std::vector<bool> find(const std::vector<Advertisement>& advertisements);

  // Whether the last compare left nothing undone that can be done. Waiting for an interface, and leaving
  // alone what is foreign, is all that can be done. What failed is tried again.
  [[nodiscard]] bool settled() const { return settled_; }
  // In the order of configure().
  [[nodiscard]] const std::vector<AdvertisementState>& states() const { return states_; }
  // What the last compare found that has the number of ours but not the mark: "192.0.2.1/32 on eth0".
  [[nodiscard]] const std::vector<std::string>& foreign() const { return foreign_; }
  // Whether all is removed that is not configured any more.
  [[nodiscard]] bool rid_of_gone() const { return gone_.empty(); }
  [[nodiscard]] const KernelCounts& counts() const { return counts_; }
  // What it found wrong and could not mend, one line each.
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  // It counts a lifetime with a quarter of a second on top (ADDRCONF_TIMER_FUZZ).
  static constexpr Duration kKernelMayBeEarly = std::chrono::milliseconds(250);

  struct Lease {
    TimePoint until = TimePoint::max();
    TimePoint told{};  // until when the kernel was told last
    TimePoint leaves_at{};
  };
  struct Gone {
    Advertisement advertisement;
    AdvertisementState state = AdvertisementState::withdrawn;
    TimePoint leaves_at{};  // until then it stays as it is
    TimePoint lingers_until{};
  };
  using Failures = std::map<std::string, std::vector<std::string>>;  // what failed, by cause

  void on_event(const TableEvent& event);
  [[nodiscard]] bool concerns_us(const TableEvent& event) const;
  [[nodiscard]] bool is_news(const TableEvent& event) const;
  [[nodiscard]] Gone gone_from(std::size_t i, TimePoint now) const;
  void index();
  [[nodiscard]] bool lingers() const;
  [[nodiscard]] ReadScope scope();
  void look_at_leases(TimePoint now);
  void note_renewals(const Plan& plan, const std::vector<bool>& failed);
  [[nodiscard]] std::vector<Desired> hold_back(const Plan& plan, TimePoint now);
  [[nodiscard]] bool ended_by_kernel(std::size_t i, TimePoint now) const;
  [[nodiscard]] std::vector<bool> carry_out(Plan& plan, Failures& failures);
  void note_changes(const Plan& plan, const std::vector<bool>& failed);
  void take_outlooks(const Plan& plan, const std::vector<bool>& failed);
  void note_repairs(const Plan& plan, const std::vector<bool>& failed);
  void look_at_lingering(const Snapshot& seen);
  [[nodiscard]] TimePoint take_gone(bool all_gone);
  bool tell_failures(const Failures& failures);
  void finish(const Failures& failures, bool torn);

  RouteTable& table_;
  RouteMonitor& monitor_;
  ReconcilerListener& listener_;
  bool adopt_;
  ReconcilerTimes times_;

  std::vector<Desired> desired_;  // as of the last compare
  std::vector<Wish> wishes_;      // while their leases last
  std::vector<Lease> leases_;
  std::vector<Duration> lingers_;  // of each, once it is not configured any more
  std::vector<AdvertisementState> states_;
  std::vector<TimePoint> waits_;
  Spacing spacing_;
  std::set<Advertisement> to_repair_;  // removed by somebody, and not yet put right
  std::vector<Gone> gone_;
  std::vector<std::string> foreign_;
  OwnersByNumber numbers_;     // of desired_, by index, and of gone_
  std::set<RouteKey> routes_;  // of both
  InterfaceWatch interfaces_;
  RepairBook repairs_;
  std::set<std::string> failing_;
  KernelCounts counts_;
  bool watches_routes_ = false;
  bool scan_ = false;  // routes without our mark are to be looked for too
  bool route_failed_ = false;
  bool looks_for_lingering_ = true;  // an earlier run may have left some
  bool ipv6_lingers_ = true;
  bool settled_ = false;
  TimePoint last_for_event_{};

  Deferred now_;
  Timer later_;
  Timer periodic_;
  Timer due_;  // what waits for its time
};

}  // namespace anyprobe
