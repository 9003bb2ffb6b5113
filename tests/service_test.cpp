#include "core/service.hpp"

#include <doctest/doctest.h>

#include <utility>

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

const Result kPass{Verdict::pass, Evidence::soft, "ok", "all well"};
const Result kRefused{Verdict::fail, Evidence::conclusive, "refused", "nobody is there"};
const Result kSilent{Verdict::fail, Evidence::soft, "timeout", "not a word"};

// Answers as it is told to, at once or when the test says so.
struct Oracle final : Probe {
  struct Asked final : Attempt {
    Asked(Oracle& of, ResultSink& to) : oracle(of), sink(to) { oracle.asked = this; }
    ~Asked() override {
      if (oracle.asked == this) oracle.asked = nullptr;
    }
    Oracle& oracle;
    ResultSink& sink;
  };

  [[nodiscard]] std::vector<Endpoint> endpoints() const override { return targets; }
  std::unique_ptr<Attempt> start(ResultSink& sink) override {
    ++questions;
    wants_detail = sink.wants_detail_of_pass();
    auto attempt = std::make_unique<Asked>(*this, sink);
    if (says) sink.report(*says);
    return attempt;
  }

  std::optional<Result> says = kPass;
  std::vector<Endpoint> targets{{{*IpAddress::parse("127.0.0.1"), 53}, Protocol::udp, {}}};
  Asked* asked = nullptr;
  int questions = 0;
  bool wants_detail = false;
};

struct House {
  explicit House(OnClose on_close = OnClose::withdraw) {
    ServiceConfig config;
    config.name = "dns";
    config.timeout = 5s;
    config.schedule = {.interval = 10s, .fast_interval = 10s};
    config.health.rise = 1;
    config.health.fall = 3;
    config.health.stale_after = 60s;
    config.on_close = on_close;
    auto probe = std::make_unique<Oracle>();
    oracle = probe.get();
    config.probes.push_back(std::move(probe));
    service = std::make_unique<Service>(loop, std::move(config), listener, &returns);
    service->start(0);
    run();
    REQUIRE(service->up());
  }

  // What it is answered from now on, and a question at once; false where no answer comes of it.
  bool ask(const Result& says, bool closed) {
    oracle->says = says;
    service->ask_at_once(closed);
    return run();
  }

  // Until an answer is there, or the time is over.
  bool run(Duration most = 10s) {
    const int before = answers;
    Timer patience(loop, [this] { loop.stop(); });
    patience.start(most);
    loop.run();
    return answers > before;
  }

  EventLoop loop;
  const Service::Listener listener{[](Service&, const HealthEvent&) {},
                                   [this](Service&, const Service::Check&) {
                                     ++answers;
                                     loop.stop();
                                   }};
  bool own_host = true;
  ReturnPolling returns{[this](const IpAddress&) { return own_host; }};
  Oracle* oracle = nullptr;
  std::unique_ptr<Service> service;
  int answers = 0;
};

}  // namespace

TEST_CASE("service: a closed socket and a refusal decide without waiting for fall") {
  House house;
  CHECK(house.ask(kRefused, true));
  CHECK(house.service->state() == HealthState::down);
  CHECK(house.service->reason() == "refused");
  CHECK(house.oracle->questions == 2);
}

TEST_CASE("service: nobody reads the detail of a pass while it is up") {
  House house;
  CHECK(house.oracle->wants_detail);  // by which it came up
  REQUIRE(house.ask(kPass, false));
  CHECK_FALSE(house.oracle->wants_detail);
  REQUIRE(house.ask(kRefused, true));
  REQUIRE(house.ask(kPass, false));
  CHECK(house.oracle->wants_detail);
}

TEST_CASE("service: a closed socket of several is no death") {
  House house;
  house.service->ask_at_once(true);
  CHECK(house.run());
  CHECK(house.service->up());
  // And is forgotten with the answer.
  CHECK(house.ask(kRefused, false));
  CHECK(house.service->up());
}

TEST_CASE("service: silence after a closed socket counts as silence does") {
  House house;
  CHECK(house.ask(kSilent, true));
  CHECK(house.service->up());
}

TEST_CASE("service: the kernel's word decides nothing where on_close says so") {
  House house(OnClose::probe);
  CHECK(house.ask(kRefused, true));
  CHECK(house.service->up());
}

TEST_CASE("service: a death that is told of several times counts once where on_close says so") {
  House house(OnClose::probe);
  CHECK(house.ask(kRefused, true));
  for (int i = 0; i < 5; ++i) house.service->ask_at_once(true);
  CHECK(house.run());  // the second question after a refusal
  house.service->ask_at_once(true);
  CHECK_FALSE(house.run(100ms));
  CHECK(house.service->up());
}

TEST_CASE("service: what was asked before the socket closed counts no more") {
  House house;
  house.oracle->says.reset();
  house.service->ask_at_once(false);
  auto* early = house.oracle->asked;
  REQUIRE(early != nullptr);
  house.oracle->says = kRefused;
  early->sink.report(kPass);  // it waits to be taken
  house.service->ask_at_once(true);
  CHECK(house.run());
  CHECK(house.service->state() == HealthState::down);
}

TEST_CASE("service: whoever closes sockets all the time does not keep it from an answer") {
  House house;
  house.oracle->says.reset();
  for (int i = 0; i < 1000; ++i) house.service->ask_at_once(true);
  CHECK(house.oracle->questions < 30);
  REQUIRE(house.oracle->asked != nullptr);
  const int asked = house.oracle->questions;
  house.oracle->asked->sink.report(kPass);
  CHECK(house.run());
  CHECK(house.service->up());
  // What was told meanwhile is asked for, and decides.
  house.oracle->says = kRefused;
  CHECK(house.run());
  CHECK(house.oracle->questions == asked + 1);
  CHECK(house.service->state() == HealthState::down);
}

TEST_CASE("service: a local error says nothing, and the kernel's word waits for an answer") {
  House house;
  house.oracle->says = Result{Verdict::local_error, Evidence::soft, "local_error", "no descriptor"};
  house.service->ask_at_once(true);
  CHECK(house.run());
  CHECK(house.service->up());
  CHECK(house.ask(kRefused, false));
  CHECK(house.service->state() == HealthState::down);
}

TEST_CASE("service: a refusal is followed by one more question at once") {
  House house;
  CHECK(house.ask(kRefused, false));
  CHECK(house.run(2s));
  CHECK(house.service->up());
  CHECK_FALSE(house.run(300ms));
}

TEST_CASE("service: one that has stopped is not asked") {
  House house;
  house.service->stop();
  house.service->ask_at_once(true);
  CHECK_FALSE(house.run(100ms));
  CHECK(house.oracle->questions == 1);
}

TEST_CASE("service: while nobody listens it is asked at the fast interval") {
  House house;
  auto config = ServiceConfig();
  config.name = "dns";
  config.timeout = 5s;
  config.schedule = {.interval = 60s, .fast_interval = 20ms};
  config.health.rise = 2;
  config.health.stale_after = 120s;
  house.service->reconfigure(std::move(config));
  CHECK(house.ask(kRefused, true));
  REQUIRE(house.service->state() == HealthState::down);
  CHECK(house.run(5s));
  CHECK(house.run(5s));
  house.oracle->says = kPass;
  CHECK(house.run(5s));
  CHECK(house.run(5s));
  CHECK(house.service->up());
  CHECK(house.returns.least_interval() == 0ms);
}

TEST_CASE("service: while nobody listens on another host it is asked no faster") {
  House house;
  house.own_host = false;
  CHECK(house.ask(kRefused, true));
  REQUIRE(house.service->state() == HealthState::down);
  auto config = ServiceConfig();
  config.name = "dns";
  config.timeout = 5s;
  config.schedule = {.interval = 60s, .fast_interval = 10ms};
  config.health.stale_after = 120s;
  house.service->reconfigure(std::move(config));
  CHECK(house.ask(kRefused, false));
  CHECK_FALSE(house.run(300ms));
}

TEST_CASE("service: many that are refused are asked less often each") {
  House house;
  auto config = ServiceConfig();
  config.name = "dns";
  config.timeout = 5s;
  config.schedule = {.interval = 60s, .fast_interval = 10ms};
  config.health.rise = 2;
  config.health.stale_after = 120s;
  house.service->reconfigure(std::move(config));
  std::vector<std::unique_ptr<ReturnPolling::Place>> others;
  for (int i = 0; i < 30'000; ++i) others.push_back(std::make_unique<ReturnPolling::Place>(house.returns));
  CHECK(house.ask(kRefused, true));
  REQUIRE(house.service->state() == HealthState::down);
  CHECK_FALSE(house.run(300ms));
}
