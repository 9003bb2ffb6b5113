#include "core/status_report.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include "core/modules_status.hpp"
#include "fake_table.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using State = AdvertisementState;

namespace {

// Passes or fails as it is told.
struct Oracle final : Probe {
  struct Said final : Attempt {};
  explicit Oracle(const Result& result) : says(result) {}
  [[nodiscard]] std::vector<Endpoint> endpoints() const override { return {}; }
  std::unique_ptr<Attempt> start(ResultSink& sink) override {
    sink.report(says);
    return std::make_unique<Said>();
  }
  const Result& says;
};

struct House {
  std::unique_ptr<Service> service(const std::string& name, std::vector<Advertisement> advertise) {
    ServiceConfig config;
    config.name = name;
    config.timeout = 10ms;
    config.schedule = {.interval = 10ms, .fast_interval = 1ms};
    config.health.fall = 2;
    config.probes.push_back(std::make_unique<Oracle>(says));
    config.advertise = std::move(advertise);
    return std::make_unique<Service>(loop, std::move(config), listener);
  }
  std::vector<State> states(std::size_t service) {
    std::vector<State> out;
    const auto now = report.now();
    for (const auto& each : now.services.at(service).advertise) out.push_back(each.state);
    return out;
  }
  void run() {
    Timer patience(loop, [this] { loop.stop(); });
    patience.start(10s);
    loop.run();
  }

  EventLoop loop;
  const Service::Listener listener{[this](Service&, const HealthEvent&) { loop.stop(); },
                                   [](const Service&, const Service::Check&) {}};
  Result says{Verdict::pass, Evidence::soft, "answer", "from the oracle"};
  StatusReport::Services services;
  std::optional<TimePoint> owed;
  StatusReport report{"anyprobe", services, [this] { return owed; }};
};

}  // namespace

TEST_CASE("report: a service as it begins, rises and falls") {
  House house;
  house.services.push_back(house.service("dns", {on_lo("192.0.2.1/32")}));
  auto now = house.report.now();
  CHECK(now.name == "anyprobe");
  CHECK(now.pid == getpid());
  CHECK_FALSE(now.version.empty());
  CHECK(now.problems.empty());
  REQUIRE(now.services.size() == 1);
  CHECK(now.services[0].health == HealthState::unknown);
  CHECK(now.services[0].reason.empty());
  CHECK_FALSE(now.services[0].last_check);
  CHECK(now.services[0].advertise ==
        std::vector<AdvertisementStatus>{{"192.0.2.1/32 on lo", State::withdrawn}});

  const auto begun = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  house.services[0]->start(0);
  house.run();
  now = house.report.now();
  CHECK(now.services[0].health == HealthState::up);
  CHECK(now.services[0].reason == "answer");
  CHECK(now.services[0].detail == "from the oracle");
  CHECK(now.services[0].since >= begun - 5ms);
  REQUIRE(now.services[0].last_check);
  CHECK(now.services[0].last_check->verdict == Verdict::pass);
  CHECK(now.services[0].last_check->at >= now.services[0].since - 5ms);

  house.says = {Verdict::fail, Evidence::soft, "refused", "nobody there"};
  house.run();
  now = house.report.now();
  CHECK(now.services[0].health == HealthState::down);
  CHECK(now.services[0].reason == "refused");
  CHECK(now.services[0].last_check->verdict == Verdict::fail);

  // Afresh, it has not changed yet; what it was asked last was so all the same.
  house.services[0]->start(0);
  now = house.report.now();
  CHECK(now.services[0].health == HealthState::unknown);
  CHECK(now.services[0].reason.empty());
  CHECK(now.services[0].detail.empty());
  CHECK(now.services[0].last_check->reason == "refused");
}

TEST_CASE("report: states are those of the kernel, in the order of the services") {
  House house;
  house.services.push_back(house.service("one", {on_lo("192.0.2.1/32"), on_lo("192.0.2.2/32")}));
  house.services.push_back(house.service("two", {on_lo("192.0.2.3/32")}));
  house.report.take({{State::announced, State::foreign, State::announced}, {"something is wrong"}});
  CHECK(house.states(0) == std::vector{State::announced, State::foreign});
  CHECK(house.states(1) == std::vector{State::announced});
  CHECK(house.report.now().problems == Words{"something is wrong"});
}

TEST_CASE("report: what stays in a reload keeps its state until the keeper tells more") {
  House house;
  house.services.push_back(house.service("one", {on_lo("192.0.2.1/32"), on_lo("192.0.2.2/32")}));
  house.report.take({{State::announced, State::foreign}, {}});
  house.report.before_change();
  CHECK(house.states(0) == std::vector{State::announced, State::foreign});  // of a reload that is refused
  for (int twice = 0; twice < 2; ++twice) {
    house.report.before_change();
    house.services.clear();
    house.services.push_back(house.service("new", {on_lo("192.0.2.9/32"), on_lo("192.0.2.2/32")}));
    house.services.push_back(house.service("one", {on_lo("192.0.2.1/32")}));
    house.report.after_change();
    CHECK(house.states(0) == std::vector{State::withdrawn, State::foreign});
    CHECK(house.states(1) == std::vector{State::announced});
  }
  house.report.take({{State::announced, State::announced, State::withdrawn}, {}});
  CHECK(house.states(0) == std::vector{State::announced, State::announced});
  CHECK(house.states(1) == std::vector{State::withdrawn});
}

TEST_CASE("report: what became of an advertisement is asked for each") {
  House house;
  house.services.push_back(house.service("one", {on_lo("192.0.2.1/32"), on_lo("192.0.2.2/32")}));
  CHECK(house.report.now().services[0].advertise[0].routing == Confirmation{});
  house.report.confirm_by([](const Advertisement& what) {
    return what == on_lo("192.0.2.2/32") ? Confirmation{true, 3} : Confirmation{};
  });
  const auto told = house.report.now().services[0].advertise;
  CHECK(told[0].routing == Confirmation{});
  CHECK(told[1].routing == Confirmation{true, 3});
}

TEST_CASE("report: a keeper that owes an answer for long is a problem") {
  House house;
  house.owed = Clock::now() - 1s;
  CHECK(house.report.now().problems.empty());
  house.owed = Clock::now() - 3s;
  CHECK(house.report.now().problems == Words{"the keeper does not answer"});
}

TEST_CASE("report: detail tells what happened lately, to those who ask for it") {
  House house;
  house.services.push_back(house.service("dns", {on_lo("192.0.2.1/32"), on_lo("192.0.2.2/32")}));
  house.report.name_by([](const Advertisement& what) {
    return what == on_lo("192.0.2.2/32") ? std::nullopt : std::optional(Announcers{{"192.0.2.101", true}});
  });
  house.services[0]->start(0);
  house.run();
  CHECK_FALSE(house.report.now().services[0].history);
  // It is kept once somebody asks.
  CHECK(house.report.now(true).services[0].history == ServiceHistory{});
  CHECK_FALSE(house.report.now().services[0].history);
  const auto begun = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  house.says = {Verdict::fail, Evidence::soft, "refused", "nobody there"};
  house.run();
  house.services[0]->ask_afresh();
  house.services[0]->start(0);
  house.says = {Verdict::pass, Evidence::soft, "answer", "again"};
  house.run();
  house.services[0]->ask_afresh();
  auto dns = house.report.now(true).services[0];
  REQUIRE(dns.history);
  const auto& recent = dns.history->recent;
  REQUIRE(recent.size() >= 4);
  CHECK(recent[0].reason == "refused");
  CHECK(recent.back().verdict == Verdict::pass);
  CHECK(recent.back().at >= recent.front().at);
  CHECK(recent.front().at >= begun - 5ms);
  CHECK(recent.back().at <= dns.last_check->at + 5ms);
  std::vector<std::string> changes;
  for (const auto& each : dns.history->transitions)
    changes.push_back(std::string(to_string(each.to)) + " " + each.reason + ", " + each.detail);
  CHECK(changes ==
        Words{"down refused, nobody there", "unknown afresh, ", "up answer, again", "unknown afresh, "});
  // Since when is what the keeper's words tell, and that alone.
  const auto since = [&](std::size_t index) {
    const auto all = house.report.now(true);
    return all.services[0].advertise.at(index).detail->since;
  };
  CHECK(dns.advertise[0].detail->announcers == Announcers{{"192.0.2.101", true}});
  CHECK_FALSE(dns.advertise[1].detail->announcers);
  CHECK_FALSE(since(0));
  house.report.take({{State::announced, State::withdrawn}, {}});
  CHECK_FALSE(since(0));
  house.report.take({{State::announced, State::announced}, {}});
  CHECK_FALSE(since(0));
  REQUIRE(since(1));
  CHECK(*since(1) >= begun);
  const auto first = since(1);
  usleep(5000);
  house.report.take({{State::withdrawn, State::announced}, {}});
  CHECK(since(1) == first);
  CHECK(since(0) > first);
  // Through a reload it is kept.
  house.report.before_change();
  house.services[0]->reconfigure([&] {
    auto service = house.service("dns", {on_lo("192.0.2.2/32"), on_lo("192.0.2.3/32")});
    ServiceConfig config;
    config.name = "dns";
    config.advertise = service->config().advertise;
    return config;
  }());
  house.report.after_change();
  CHECK(since(0) == first);
  house.report.take({{State::announced, State::withdrawn}, {}});
  CHECK(since(0) == first);
  CHECK_FALSE(since(1));
  usleep(5000);
  house.report.take({{State::withdrawn, State::announced}, {}});
  CHECK(since(0) > first);
  CHECK(since(1) == since(0));
}

TEST_CASE("report: of very many services less is told of each") {
  House house;
  for (int i = 0; i < 8000; ++i) house.services.push_back(house.service("s" + std::to_string(i), {}));
  auto& one = *house.services[0];
  one.start(0);
  one.keep_history();
  const auto begun = Clock::now();
  while (one.history()->answers().size() < 8 && Clock::now() - begun < 10s) {
    Timer look(house.loop, [&] { house.loop.stop(); });
    look.start(5ms);
    house.loop.run();
  }
  CHECK(house.report.now(true).services[0].history->recent.size() == 4);
}

TEST_CASE("report: requests are answered or refused") {
  House house;
  house.services.push_back(house.service("dns", {on_lo("192.0.2.1/32")}));
  const auto reply = house.report.answer({"status", {}});
  CHECK(reply.ok);
  REQUIRE(read_status(reply.body));
  CHECK(read_status(reply.body)->services.at(0).name == "dns");
  const auto other = house.report.answer({"drain", {"dns"}});
  CHECK_FALSE(other.ok);
  CHECK(other.body == "there is no request \"drain\"");
  CHECK_FALSE(house.report.answer({"status", {"dns"}}).ok);
  CHECK_FALSE(reply.body.find("recent") != std::string::npos);
  const auto detail = house.report.answer({"status", {"detail"}});
  CHECK(detail.body.find("recent") != std::string::npos);
  CHECK(read_status(detail.body)->services.at(0).history);
  CHECK_FALSE(house.report.answer({"status", {"detail", "detail"}}).ok);
}

TEST_CASE("report: an answer that took long to make is given again for a while, but not for long") {
  House house;
  for (int i = 0; i < 5000; ++i)
    house.services.push_back(house.service("s" + std::to_string(i), {on_lo("192.0.2.1/32")}));
  const auto tells = [&](const char* what) {
    return house.report.answer({"status", {}}).body.find(what) != std::string::npos;
  };
  CHECK_FALSE(tells("news"));
  house.report.take({{}, {"news"}});
  CHECK_FALSE(tells("news"));
  const auto begun = Clock::now();
  while (!tells("news") && Clock::now() - begun < 5s) usleep(10'000);
  CHECK(tells("news"));
  CHECK(Clock::now() - begun < 3s);
  house.report.before_change();
  house.services.clear();
  house.report.after_change();
  CHECK_FALSE(tells("s4999"));
}

TEST_CASE("report: for another prober, a part of the services, with all that is known of them") {
  House house;
  for (int i = 0; i < 10; ++i) {
    const auto n = std::to_string(i);
    house.services.push_back(house.service("s" + n, {on_lo(("192.0.2." + n + "/32").c_str())}));
    house.services.back()->count();
  }
  std::vector<State> states(10, State::withdrawn);
  states[9] = State::announced;
  house.report.take({states, {}});
  const auto ask = [&](const std::string& first, const std::string& largest) {
    return house.report.answer_part({kPartVerb, {first, largest}});
  };
  const auto reply = ask("8", "100000");
  REQUIRE(reply.ok);
  const auto part = read_status(reply.body);
  REQUIRE(part);
  REQUIRE(part->services.size() == 2);
  CHECK(part->services[0].name == "s8");
  CHECK(part->services[1].name == "s9");
  CHECK(part->services[1].advertise.front().state == State::announced);
  CHECK(part->services[1].history);
  CHECK(part->services[1].counts);
  CHECK(read_status(ask("0", "100000").body)->services.size() == kServicesOfPart);
  CHECK(read_status(ask("10", "100000").body)->services.empty());
  CHECK(ask("0", "100").body == "it is longer than it may be");
  for (const char* wrong : {"", "-1", "1x", "99999999999999999999999"}) CHECK_FALSE(ask(wrong, "100000").ok);
  CHECK_FALSE(house.report.answer_part({kPartVerb, {"0"}}).ok);
  CHECK_FALSE(house.report.answer_part({kStatusVerb, {"0", "100000"}}).ok);
}

TEST_CASE("report: what another prober tells is told beside it") {
  House house;
  house.services.push_back(house.service("own", {}));
  CHECK(house.report.all().size() == 1);
  InstanceStatus other;
  other.name = "anyprobe-modules";
  other.version = "1";
  other.pid = 1;
  other.counts.emplace();
  ServiceStatus theirs;
  theirs.name = "theirs";
  theirs.counts.emplace();
  other.services = {theirs};
  house.report.tell_beside([&] { return std::optional(other); });
  house.report.hurry();
  const auto all = house.report.all();
  REQUIRE(all.size() == 2);
  CHECK(all[1].name == "anyprobe-modules");
  CHECK_FALSE(all[1].services.front().counts);  // which are for metrics
  CHECK(house.report.json_of_all().find("\"theirs\"") != std::string::npos);
  CHECK(house.report.answer({kStatusVerb, {}}).body.find("theirs") == std::string::npos);
  CHECK(house.report.beside()->services.front().name == "theirs");
}
