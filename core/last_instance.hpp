// Whether an announcement stays although its service fails, since the network would be left without it. Pure.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "advertisement.hpp"
#include "event_loop.hpp"

namespace anyprobe {

struct LastInstancePolicy {
  unsigned min_peers = 0;  // so many other routers must announce it before a failure withdraws it; 0: off
  bool keeps_dead = true;  // also where it is known for certain that nobody answers

  friend bool operator==(const LastInstancePolicy&, const LastInstancePolicy&) = default;
};

// How a line of log and status ends that tells what is kept.
inline constexpr std::string_view kKeptWords =
    " stays announced although the service is down: too few others announce it (min_peers)";
// All of that line.
[[nodiscard]] std::string kept_line(std::string_view service, std::string_view what);

// Of one service.
class LastInstance {
 public:
  // How many others announce each that is configured, as far as that can be told.
  using Others = std::map<Advertisement, std::optional<unsigned>>;

  // What it announces has just failed: `dead` for certain. What too few others announce is kept. What cannot
  // be told is open until then, and nothing of it is kept later.
  void fail(const LastInstancePolicy& policy, const Others& others, bool dead, TimePoint open_until = {});
  struct Change {
    std::set<Advertisement> kept;
    std::set<Advertisement> gone;

    friend bool operator==(const Change&, const Change&) = default;
  };
  // It goes on failing. Returns what is kept from now on, of what was open, and let go of. What has been let
  // go of stays so until the next failure: whoever is down announces nothing anew.
  Change look(const LastInstancePolicy& policy, const Others& others, bool dead, TimePoint now);
  void clear();

  [[nodiscard]] bool any() const { return failing_ && (!failing_->kept.empty() || any_open()); }
  [[nodiscard]] bool any_open() const { return failing_ && !failing_->open.empty(); }
  [[nodiscard]] bool keeps(const Advertisement& what) const {
    return failing_ && failing_->kept.contains(what);
  }
  [[nodiscard]] bool leaves_open(const Advertisement& what) const {
    return failing_ && failing_->open.contains(what);
  }

 private:
  struct Failing {
    std::set<Advertisement> kept;
    std::set<Advertisement> open;
    TimePoint open_until{};
  };

  std::unique_ptr<Failing> failing_;  // few services ever have one
};

}  // namespace anyprobe
