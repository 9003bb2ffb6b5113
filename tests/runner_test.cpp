#include "core/runner.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

// Answers what it is told to, when it is told to; counts the attempts alive.
class FakeProbe : public Probe {
 public:
  enum class Behaviour { answers_inside_start, answers_later, silent };

  FakeProbe(EventLoop& loop, Behaviour behaviour, Result result)
      : loop_(loop), behaviour_(behaviour), result_(std::move(result)) {}

  [[nodiscard]] std::vector<Endpoint> endpoints() const override { return {}; }
  std::unique_ptr<Attempt> start(ResultSink& sink) override {
    ++started;
    wants_detail = sink.wants_detail_of_pass();
    std::this_thread::sleep_for(stall);
    return std::make_unique<FakeAttempt>(*this, sink);
  }

  int started = 0;
  int alive = 0;
  bool wants_detail = false;
  Duration stall{};  // how long the whole process stands still before it answers

 private:
  class FakeAttempt : public Attempt {
   public:
    FakeAttempt(FakeProbe& probe, ResultSink& sink)
        : probe_(probe), sink_(sink), timer_(probe.loop_, [this] { answer(); }) {
      ++probe_.alive;
      if (probe_.behaviour_ == Behaviour::answers_inside_start) answer();
      if (probe_.behaviour_ == Behaviour::answers_later) timer_.start(5ms);
    }
    ~FakeAttempt() override {
      --probe_.alive;
      // A cancelled question of a library may still call back.
      sink_.report({Verdict::fail, Evidence::soft, "cancelled", ""});
    }
    [[nodiscard]] std::string waiting_for() const override { return "no answer from the fake"; }

   private:
    void answer() {
      sink_.report(probe_.result_);
      sink_.report({Verdict::fail, Evidence::soft, "second report", ""});
      CHECK(probe_.alive == 1);  // not destroyed under us
    }
    FakeProbe& probe_;
    ResultSink& sink_;
    Timer timer_;
  };

  EventLoop& loop_;
  Behaviour behaviour_;
  Result result_;
};

const Result kPass{Verdict::pass, Evidence::soft, "ok", "all well"};

struct Round {
  explicit Round(EventLoop& event_loop) : loop(event_loop) {}
  Runner::Done done() {
    return [this](const Result& r, Duration took_now) {
      ++calls;
      result = r;
      took = took_now;
      loop.stop();
    };
  }
  EventLoop& loop;
  Result result;
  Duration took{};
  int calls = 0;
};

}  // namespace

TEST_CASE("the first report counts, inside start or later, and the attempt goes afterwards") {
  for (const auto behaviour :
       {FakeProbe::Behaviour::answers_inside_start, FakeProbe::Behaviour::answers_later}) {
    EventLoop loop;
    Round round(loop);
    FakeProbe probe(loop, behaviour, kPass);
    Runner runner(loop, {&probe}, 1, 1s, round.done());
    for (int i = 1; i <= 3; ++i) {
      runner.start();
      loop.run();
      CHECK(round.calls == i);
      CHECK(round.result.reason == "ok");
      CHECK(probe.alive == 0);
      CHECK_FALSE(runner.running());
    }
  }
}

TEST_CASE("probes are told whether anybody reads the detail of a pass") {
  EventLoop loop;
  Round round(loop);
  FakeProbe probe(loop, FakeProbe::Behaviour::answers_inside_start, kPass);
  Runner runner(loop, {&probe}, 1, 1s, round.done());
  for (const bool details : {false, true}) {
    runner.start(details);
    loop.run();
    CHECK(probe.wants_detail == details);
  }
}

TEST_CASE("silence fails at the deadline, and says whose answer is missing") {
  EventLoop loop;
  Round round(loop);
  FakeProbe probe(loop, FakeProbe::Behaviour::silent, kPass);
  Runner runner(loop, {&probe}, 1, 20ms, round.done());
  runner.start();
  loop.run();
  CHECK(round.result.verdict == Verdict::fail);
  CHECK(round.result.reason == "timeout");
  CHECK(round.result.detail == "no answer from the fake");
  CHECK(round.took >= 20ms);
  CHECK(probe.alive == 0);
}

TEST_CASE("a pass that is read long after its deadline says nothing, a failure is one") {
  EventLoop loop;
  Round round(loop);
  const Result refused{Verdict::fail, Evidence::conclusive, "refused", ""};
  for (const auto& [answer, verdict, reason] :
       {std::tuple(kPass, Verdict::local_error, "late"), std::tuple(refused, Verdict::fail, "refused")}) {
    FakeProbe probe(loop, FakeProbe::Behaviour::answers_inside_start, answer);
    probe.stall = 25ms;
    Runner runner(loop, {&probe}, 1, 10ms, round.done());
    runner.start();
    loop.run();
    CHECK(round.result.verdict == verdict);
    CHECK(round.result.reason == reason);
  }
}

TEST_CASE("with several probes, those that no longer matter are cancelled") {
  EventLoop loop;
  Round round(loop);
  FakeProbe silent(loop, FakeProbe::Behaviour::silent, kPass);
  FakeProbe quick(loop, FakeProbe::Behaviour::answers_later, kPass);
  Runner any(loop, {&silent, &quick}, 1, 10s, round.done());
  any.start();
  loop.run();
  CHECK(round.result.verdict == Verdict::pass);
  CHECK(silent.alive == 0);
}

TEST_CASE("a runner destroyed in the middle of a round calls nobody") {
  EventLoop loop;
  Round round(loop);
  FakeProbe probe(loop, FakeProbe::Behaviour::answers_inside_start, kPass);
  {
    Runner runner(loop, {&probe}, 1, 1s, round.done());
    runner.start();
  }
  Timer stop(loop, [&] { loop.stop(); });
  stop.start(10ms);
  loop.run();
  CHECK(round.calls == 0);
  CHECK(probe.alive == 0);
}

TEST_CASE("what a callback throws comes out of the loop, not through libev") {
  EventLoop loop;
  Timer timer(loop, [] { throw std::runtime_error("thrown in a callback"); });
  timer.start(0s);
  CHECK_THROWS_WITH(loop.run(), "thrown in a callback");
}

TEST_CASE("a timer counts from its start, even late in a pass of the loop") {
  EventLoop loop;
  const auto began = Clock::now();
  TimePoint fired{};
  Timer second(loop, [&] {
    fired = Clock::now();
    loop.stop();
  });
  TimePoint started{};
  Timer first(loop, [&] {
    while (Clock::now() - began < 60ms) continue;  // work that takes its time
    started = Clock::now();
    second.start(50ms);
  });
  first.start(0s);
  loop.run();
  CHECK(fired - started >= 49ms);
}
