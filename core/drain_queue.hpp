// Whose turn it is to be drained, of all nodes that have a service, by nothing but what the link-state
// database tells of one prefix, the token. Pure: it takes the time as an argument. Each node has its own.
//
// The protocol:
//  1. Whoever wants to drain waits until no reachable router announces the token, and then announces it.
//  2. It waits until its own token has been in the database for twice `flooding` and the time between two
//     looks, and until nothing of what it sees of token and service has changed for `flooding`.
//  3. Then the one with the lowest router id drains, if others announce the service; else it is refused. The
//     others keep their token announced and wait; whoever comes later waits for all of them by 1.
//  4. It announces the token as long as it is drained, and behind resume until its service is announced and
//     confirmed again. When it dies, its lease ends or nobody can reach it: then it does not count.
//
// While each change reaches every reachable router within `flooding`, at most one drains at a time: who
// begins to announce has looked at most kLook before. Of two that announce at all, the later one did not see
// the earlier one's token only if that was younger than `flooding` then; so each sees the other's within
// twice `flooding` and kLook of its own, which is before it goes. And whoever goes finds a service announced
// that was so `flooding` ago. A network that is parted has one in each part, and two for a while once it is
// whole again; a holder that cannot be reached for a moment, or was drained by force, counts again as soon as
// it is seen. In none of these is the last instance drained that can be seen from where it is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "confirmation.hpp"
#include "event_loop.hpp"

namespace anyprobe {

class DrainQueue {
 public:
  // What is older says nothing.
  static constexpr Duration kLook = std::chrono::seconds(2);
  // Whoever waits says so again and again; whoever has not for so long is not drained any more, and
  // forgotten.
  static constexpr Duration kKeen = std::chrono::seconds(2);
  static constexpr Duration kForgotten = std::chrono::seconds(3);
  // So long without being told anything it goes on hoping.
  static constexpr Duration kBlind = std::chrono::seconds(10);

  enum class State : std::uint8_t {
    out,
    waiting,    // for the token to be free
    claiming,   // it is announced, for its turn
    holding,    // its turn, drained
    returning,  // resumed, and not announced and confirmed yet
  };
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool queues() const { return state_ == State::waiting || state_ == State::claiming; }
  [[nodiscard]] bool announces_token() const { return state_ != State::out && state_ != State::waiting; }

  // It wants to be drained, or still does.
  void join(TimePoint now);
  // It wants no more: one that queues is out.
  void leave();
  // It is drained, by its turn or without.
  void hold() { state_ = State::holding; }
  // It is drained no more.
  void resume();
  // And is announced and confirmed again.
  void returned();

  enum class Step : std::uint8_t {
    wait,
    drain,        // it holds now
    refuse_last,  // nobody else announces the service
    refuse_blind,
  };
  // Of the token, and of each that the service announces; nothing where it cannot be told. Any time; soon
  // after there is something new to see.
  Step look(TimePoint now, Duration flooding, const std::optional<Sighting>& token,
            std::span<const std::optional<Sighting>> service);

 private:
  struct Seen {
    unsigned others = 0;
    unsigned before = 0;
    std::vector<unsigned> service;

    friend bool operator==(const Seen&, const Seen&) = default;
  };
  Step look_blindly(TimePoint now);
  Step take_turn(TimePoint now);

  State state_ = State::out;
  TimePoint joined_{};
  TimePoint told_{};                  // the last time that all could be seen
  std::optional<TimePoint> there_{};  // our token has been in the database since
  std::optional<Seen> seen_;
  TimePoint changed_{};
};

}  // namespace anyprobe
