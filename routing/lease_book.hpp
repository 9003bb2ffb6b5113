// Until when each advertisement may stand, from what the probers say and when they said it. Pure: it takes
// the time as an argument.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "core/advertisement.hpp"
#include "core/event_loop.hpp"
#include "reconciler.hpp"
#include "spacing.hpp"

namespace anyprobe {

struct Terms {
  std::chrono::seconds lease{};
  Duration linger{};  // of what can linger
};

class LeaseBook {
 public:
  // The new set, with the lease of each and how long it lingers. What stays keeps what is known of it; what
  // is new is held where `found` says that it is there already, for one lease from now, and else begins
  // withdrawn.
  void configure(const std::vector<Advertisement>& advertisements, const std::vector<Terms>& terms,
                 const std::vector<bool>& found, TimePoint now);

  // What a prober said at `said`. A lease begins when it was said, not when it is heard: what waited in a
  // queue renews nothing that is over by then. A wish to linger counts of what stands, and begins once.
  // It begins when `spacing` lets it, and until then the advertisement stands. `mine` says for each whether
  // that prober has a say in it; lengths that do not match change nothing.
  void take(const std::vector<Wish>& wishes, const std::vector<bool>& mine, TimePoint said, TimePoint now,
            const Spacing& spacing = {});
  // The prober is gone: what it announced stays until its lease is over, and is renewed no more.
  void let_run(const std::vector<bool>& mine);
  void withdraw_all();

  [[nodiscard]] std::vector<Standing> standing(TimePoint now) const;
  // When the next lease ends, or what waits to be withdrawn is; max() where there is none.
  [[nodiscard]] TimePoint next_end(TimePoint now) const;
  // When the last one does, and whether one of them is of what the kernel does not end; now where none runs.
  [[nodiscard]] TimePoint last_end(TimePoint now) const;
  [[nodiscard]] bool needs_a_keeper(TimePoint now) const;

 private:
  struct Entry {
    Advertisement advertisement;
    Terms terms;
    Wish wish = Wish::withdraw;
    TimePoint until{};
    // Of one that is to linger: when it begins, and until when what stands till then is leased.
    TimePoint begins{};
    TimePoint leased{};

    [[nodiscard]] bool can_linger() const { return anyprobe::can_linger(advertisement); }
    [[nodiscard]] bool waits(TimePoint now) const { return wish == Wish::linger && begins > now; }
    void let_linger(TimePoint now, TimePoint earliest);
    [[nodiscard]] TimePoint longest(TimePoint now) const;
  };
  std::vector<Entry> entries_;
};

}  // namespace anyprobe
