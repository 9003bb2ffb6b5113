#include "core/page_feed.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/page_files.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

const WallTime kNoon{std::chrono::seconds(1'764'158'400)};

ServiceStatus service(const std::string& name, HealthState health = HealthState::up) {
  ServiceStatus out;
  out.name = name;
  out.health = health;
  out.since = kNoon;
  out.history.emplace();
  return out;
}

void answer(ServiceStatus& to, WallTime at, Verdict verdict = Verdict::pass) {
  to.last_check = CheckStatus{at, verdict, "ok", 1ms};
  to.history->recent.push_back(*to.last_check);
}

std::vector<InstanceStatus> instance(std::vector<ServiceStatus> services) {
  InstanceStatus out;
  out.name = "anyprobe";
  out.pid = 4242;
  out.version = "1.2.3";
  out.services = std::move(services);
  return {out};
}

std::vector<std::string> names(const json& event) {
  std::vector<std::string> out;
  for (const auto& each : event.at("services")) out.push_back(each.at("name"));
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("page feed: who begins is told all, those that are not well first") {
  PageFeed feed("node\"1");
  auto kept = service("kept", HealthState::down);
  kept.advertise.push_back({"192.0.2.1/32 on lo", AdvertisementState::announced});
  kept.advertise.front().last_instance = true;
  auto drained = service("drained");
  drained.admin = AdminState::drained;
  const auto told =
      json::parse(feed.begin(instance({service("well"), drained, service("new", HealthState::unknown),
                                       service("down", HealthState::down), kept}),
                             kNoon));
  CHECK(told.at("host") == "node\"1");
  CHECK(told.at("now") == "2025-11-26T12:00:00.000Z");
  CHECK(told.at("names") == Names{"well", "drained", "new", "down", "kept"});
  CHECK(names(told) == Names{"kept", "down", "new", "drained", "well"});
  CHECK(told.at("instances").at(0).at("version") == "1.2.3");
}

TEST_CASE("page feed: then what changed, and of the history what is new") {
  PageFeed feed("node");
  auto a = service("a");
  answer(a, kNoon);
  const auto b = service("b");
  feed.begin(instance({a, b}), kNoon);
  feed.look(instance({a, b}), kNoon + 1s);
  const auto head = json::parse(feed.next());  // that of the instance was not told by a piece yet
  CHECK(names(head).empty());
  feed.look(instance({a, b}), kNoon + 1s);
  CHECK(feed.next().empty());

  answer(a, kNoon + 2s, Verdict::fail);
  feed.look(instance({a, b}), kNoon + 2s);
  auto told = json::parse(feed.next());
  CHECK(names(told) == Names{"a"});
  CHECK(told.at("gone").empty());
  const auto& recent = told.at("services").at(0).at("recent");
  REQUIRE(recent.size() == 1);
  CHECK(recent.at(0).at("verdict") == "fail");
  CHECK(feed.next().empty());

  a.health = HealthState::down;
  a.history->transitions.push_back({kNoon + 3s, HealthState::down, "refused", "x"});
  feed.look(instance({a, b}), kNoon + 3s);
  told = json::parse(feed.next());
  CHECK(told.at("services").at(0).at("recent").empty());
  CHECK(told.at("services").at(0).at("transitions").size() == 1);
  feed.look(instance({a, b}), kNoon + 4s);
  CHECK(feed.next().empty());
}

TEST_CASE("page feed: what is gone, and problems, are told by themselves") {
  PageFeed feed("node");
  feed.begin(instance({service("a"), service("b")}), kNoon);
  feed.look(instance({service("b")}), kNoon);
  CHECK(json::parse(feed.next()).at("gone") == Names{"a"});
  CHECK(feed.next().empty());
  auto troubled = instance({service("b")});
  troubled.front().problems.assign(1000, "no good");
  feed.look(troubled, kNoon);
  const auto told = json::parse(feed.next());
  CHECK(told.at("instances").at(0).at("problems").size() == 21);
  CHECK(told.at("instances").at(0).at("problems").at(20) == "and 980 more problems");
  troubled.front().uptime = 5s;
  feed.look(troubled, kNoon);
  CHECK(feed.next().empty());
}

TEST_CASE("page feed: of many, as many pieces as it takes, and a change of state goes first") {
  PageFeed feed("node", {.first = 3000, .piece = 2000});
  std::vector<ServiceStatus> many;
  for (int i = 0; i < 50; ++i) many.push_back(service("s" + std::to_string(i)));
  const auto all = feed.begin(instance(many), kNoon);
  CHECK(all.size() < 4000);
  CHECK(json::parse(all).at("names").size() == 50);
  auto seen = json::parse(all).at("services").size();
  CHECK(seen > 1);
  feed.look(instance(many), kNoon);
  for (auto piece = feed.next(); !piece.empty(); piece = feed.next()) {
    CHECK(piece.size() < 3000);
    seen += json::parse(piece).at("services").size();
  }
  CHECK(seen == 50);

  for (auto& each : many) answer(each, kNoon + 1s);
  many[40].health = HealthState::down;
  many[41].admin = AdminState::drained;
  many[42].advertise.push_back({"192.0.2.1/32 on lo", AdvertisementState::announced});
  feed.look(instance(many), kNoon + 1s);
  auto told = names(json::parse(feed.next()));
  REQUIRE(told.size() >= 3);
  CHECK(Names(told.begin(), told.begin() + 3) == Names{"s40", "s41", "s42"});
  // Who waits longest is next, or the last would never be told.
  for (auto& each : many) answer(each, kNoon + 2s);
  feed.look(instance(many), kNoon + 2s);
  const auto next = names(json::parse(feed.next()));
  for (const auto& each : told) CHECK(std::find(next.begin(), next.end(), each) == next.end());
}

TEST_CASE("page feed: each service is told with its own instance") {
  PageFeed feed("node");
  auto all = instance({service("a"), service("b")});
  auto& other = all.emplace_back();
  other.name = "anyprobe-modules";
  other.state = "hangs";
  other.services = {service("c", HealthState::unknown)};
  auto told = json::parse(feed.begin(all, kNoon));
  CHECK(told.at("names") == Names{"a", "b", "c"});
  CHECK(told.at("instances").at(1).at("state") == "hangs");
  CHECK(told.at("services").at(2).at("instance") == "anyprobe-modules");
  feed.look(all, kNoon);
  feed.next();
  all.back().services.front().health = HealthState::up;
  all.back().state = "running";
  feed.look(all, kNoon);
  told = json::parse(feed.next());
  CHECK(names(told) == Names{"c"});
  CHECK(told.at("services").at(0).at("instance") == "anyprobe-modules");
  CHECK(told.at("instances").at(1).at("state") == "running");
  all.pop_back();
  feed.look(all, kNoon);
  told = json::parse(feed.next());
  CHECK(told.at("gone") == Names{"c"});
  CHECK(told.at("instances").size() == 1);
}

TEST_CASE("page feed: another who begins takes nothing from those who follow") {
  PageFeed feed("node", {.first = 3000, .piece = 100'000});
  auto a = service("a");
  answer(a, kNoon);
  feed.begin(instance({a}), kNoon);
  answer(a, kNoon + 1s);
  feed.look(instance({a}), kNoon + 1s);
  feed.begin(instance({a}), kNoon + 1s);
  CHECK(feed.next().find("\"recent\"") == std::string::npos);  // what waited is made anew
  feed.look(instance({a}), kNoon + 1s);
  const auto told = json::parse(feed.next());
  CHECK(told.at("services").at(0).at("recent").size() == 1);
  feed.forget();
  feed.look(instance({a}), kNoon + 1s);
  CHECK(json::parse(feed.next()).at("services").at(0).at("recent").size() == 2);
}

TEST_CASE("page: its files are part of the program, and fetch nothing from elsewhere") {
  std::vector<std::string> paths;
  for (const auto& file : page_files()) {
    paths.emplace_back(file.path);
    const std::string body(file.body);
    CAPTURE(file.path);
    CHECK(file.body.size() > 100);
    CHECK(body.find("innerHTML") == std::string::npos);
    CHECK(body.find(" style=") == std::string::npos);
    for (auto at = body.find("http"); at != std::string::npos; at = body.find("http", at + 1))
      CHECK(body.substr(at, 24) == "http://www.w3.org/2000/s");
  }
  CHECK(paths == Names{"/", "/page.css", "/page.js", "/card.js", "/draw.js", "/words.js", "/icon.svg"});
}
