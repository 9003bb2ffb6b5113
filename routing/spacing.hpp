// When a change may be made so that the network takes it at once. Pure: it takes the time as an argument.
//
// A neighbour drops an LSA that follows the one before it within MinLSArrival (1 s; RFC 2328, 13 (5a) and
// appendix B) and hears of it again with the retransmission; who originates an LSA does so at most once in
// MinLSInterval (5 s; 12.4). So a change of a prefix waits for `gap` after the one before it, whoever made
// that, and an announcement also for MinLSInterval after the announcement before it. What failed is withdrawn
// at once all the same: nobody asks here about that.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "core/advertisement.hpp"
#include "core/event_loop.hpp"

namespace anyprobe {

class Spacing {
 public:
  static constexpr Duration kMinLsInterval = std::chrono::seconds(5);

  // What the network knows it by: its prefix, whatever carries it; or the link.
  using Key = std::pair<Prefix, std::string>;
  static Key key_of(const Advertisement& what);
  static Key key_of(const Prefix& prefix);
  static Key key_of_link(const std::string& name) { return {Prefix(), name}; }

  // Zero, as it begins: nothing waits. Changes are noted all the same.
  void set_gap(Duration gap) { gap_ = gap; }
  [[nodiscard]] bool on() const { return gap_ > Duration::zero(); }

  void announced(const Key& key, TimePoint at);
  void withdrawn(const Key& key, TimePoint at);
  // Gone without our doing, which is known since `now`. Nothing where a withdrawal is the last that is known.
  void missed(const Key& key, TimePoint now);
  // What is too old to matter.
  void forget(TimePoint now);

  // The earliest time; long past where nothing is known of it. Whoever waits for it asks again then.
  [[nodiscard]] TimePoint may_announce(const Key& key) const;
  [[nodiscard]] TimePoint may_withdraw(const Key& key) const;

 private:
  struct History {
    TimePoint changed{};
    TimePoint announced{};  // the last time that it was; {}: not known
    bool there = false;     // the last change was that
  };
  Duration gap_{};
  std::map<Key, History> of_;
};

}  // namespace anyprobe
