// The steps of one node. Many of them together: tests/simulation.
#include "core/drain_queue.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace anyprobe;
using namespace std::chrono_literals;
using State = DrainQueue::State;
using Step = DrainQueue::Step;

namespace {

constexpr Duration kFlooding = 2s;
constexpr Duration kWait = 2 * kFlooding + DrainQueue::kLook;

struct Node {
  Node() { queue.join(now); }

  Step look() {
    token.asked = service.asked = now;
    const std::array<std::optional<Sighting>, 1> all{service};
    return queue.look(now, kFlooding, token, all);
  }
  Step look_blindly() { return queue.look(now, kFlooding, std::nullopt, {}); }
  // It says all the while that it wants to be drained.
  Step after(Duration time) {
    for (const auto end = now + time; now < end;) {
      now += 500ms;
      queue.join(now);
      if (const auto step = look(); step != Step::wait) return step;
    }
    return Step::wait;
  }
  void is_announced() { token.ours = token.settled = true; }
  void claims() {
    look();
    REQUIRE(queue.state() == State::claiming);
    is_announced();
    look();
  }

  TimePoint now{1000s};
  Sighting token{};
  Sighting service{{}, true, true, 1, 0};
  DrainQueue queue;
};

}  // namespace

TEST_CASE("drain queue: alone it waits until all would have told it of themselves, and drains") {
  Node node;
  CHECK(node.queue.state() == State::waiting);
  CHECK_FALSE(node.queue.announces_token());
  CHECK(node.look() == Step::wait);
  CHECK(node.queue.announces_token());
  CHECK(node.after(2 * kWait) == Step::wait);  // it is not in the database yet
  node.is_announced();
  node.look();
  CHECK(node.after(kWait - 500ms) == Step::wait);
  CHECK(node.after(500ms) == Step::drain);
  CHECK(node.queue.state() == State::holding);
  node.queue.resume();
  CHECK(node.queue.announces_token());
  node.queue.returned();
  CHECK(node.queue.state() == State::out);
}

TEST_CASE("drain queue: while another holds the token it is not announced") {
  Node node;
  node.token.others = 1;
  CHECK(node.after(3 * kWait) == Step::wait);
  CHECK(node.queue.state() == State::waiting);
  node.token.others = 0;
  node.claims();
  CHECK(node.after(kWait) == Step::drain);
}

TEST_CASE("drain queue: what has come before our own token is in the database comes first") {
  Node node;
  node.look();
  REQUIRE(node.queue.state() == State::claiming);
  node.token.others = 1;
  node.look();
  CHECK(node.queue.state() == State::waiting);
}

TEST_CASE("drain queue: of several the lowest goes first, and the next once all have heard of its return") {
  Node node;
  node.claims();
  node.token.others = node.token.before = 1;
  CHECK(node.after(3 * kWait) == Step::wait);
  CHECK(node.queue.state() == State::claiming);
  node.token.others = node.token.before = 0;
  node.look();
  CHECK(node.after(kFlooding - 500ms) == Step::wait);
  CHECK(node.after(500ms) == Step::drain);
}

TEST_CASE("drain queue: of several the lowest does not wait for the others") {
  Node node;
  node.claims();
  node.token.others = 2;
  CHECK(node.after(kWait) == Step::drain);
}

TEST_CASE("drain queue: whoever comes or goes makes it wait for whom he may have brought along") {
  Node node;
  node.claims();
  CHECK(node.after(kWait - 500ms) == Step::wait);
  node.service.others = 2;
  CHECK(node.after(kFlooding) == Step::wait);
  CHECK(node.after(500ms) == Step::drain);
}

TEST_CASE("drain queue: the last instance is refused, in its turn") {
  Node node;
  node.service.others = 0;
  node.claims();
  CHECK(node.after(kWait - 500ms) == Step::wait);
  CHECK(node.after(500ms) == Step::refuse_last);
  CHECK(node.queue.state() == State::out);
}

TEST_CASE("drain queue: a token that not all have acknowledged is none") {
  Node node;
  node.claims();
  node.token.settled = false;
  CHECK(node.after(2 * kWait) == Step::wait);
  node.token.settled = true;
  CHECK(node.look() == Step::drain);
}

TEST_CASE("drain queue: a token that somebody removed counts from when it is there again") {
  Node node;
  node.claims();
  CHECK(node.after(kWait - 500ms) == Step::wait);
  node.token.ours = false;
  CHECK(node.look() == Step::wait);
  CHECK(node.queue.announces_token());
  node.token.ours = true;
  CHECK(node.look() == Step::wait);
  CHECK(node.after(kWait - 500ms) == Step::wait);
  CHECK(node.after(500ms) == Step::drain);
}

TEST_CASE("drain queue: who does not say so again is not drained, and forgotten") {
  Node node;
  node.claims();
  CHECK(node.after(kWait - 500ms) == Step::wait);
  node.now += DrainQueue::kKeen + 1ms;
  CHECK(node.look() == Step::wait);
  CHECK(node.queue.state() == State::claiming);
  node.now += 1s;
  CHECK(node.look() == Step::wait);
  CHECK(node.queue.state() == State::out);
}

TEST_CASE("drain queue: who leaves is out, but not who is drained") {
  Node node;
  node.claims();
  node.queue.leave();
  CHECK(node.queue.state() == State::out);
  node.queue.hold();
  node.queue.leave();
  CHECK(node.queue.state() == State::holding);
  node.queue.join(node.now);
  CHECK(node.queue.state() == State::holding);
}

TEST_CASE("drain queue: what is old says nothing, and without anything newer it is refused") {
  Node node;
  node.look();
  REQUIRE(node.queue.state() == State::claiming);
  node.token.asked = node.now - DrainQueue::kLook - 1ms;
  const std::array<std::optional<Sighting>, 1> all{Sighting{node.now, true, true, 1, 0}};
  CHECK(node.queue.look(node.now, kFlooding, node.token, all) == Step::wait);
  CHECK(node.queue.state() == State::waiting);  // nor is the token announced by it
  node.now += DrainQueue::kBlind - 1ms;
  node.queue.join(node.now);
  CHECK(node.look_blindly() == Step::wait);
  node.now += 1ms;
  CHECK(node.look_blindly() == Step::refuse_blind);
  CHECK(node.queue.state() == State::out);
}

TEST_CASE("drain queue: one that is drained again before it is back has its token still, and waits anew") {
  Node node;
  node.claims();
  REQUIRE(node.after(kWait) == Step::drain);
  node.queue.resume();
  node.queue.join(node.now);
  CHECK(node.queue.announces_token());
  node.look();
  CHECK(node.after(kWait - 500ms) == Step::wait);
  CHECK(node.after(500ms) == Step::drain);
}
