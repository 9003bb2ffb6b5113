#include "core/modules_link.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "core/control_server.hpp"
#include "fake_table.hpp"
#include "turning.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

constexpr ModulesLink::Patience kPatience{.silence = 200ms, .rest = 1ms};

ServiceStatus service(const std::string& name, HealthState health = HealthState::up) {
  ServiceStatus out;
  out.name = name;
  out.health = health;
  return out;
}

std::string reply(std::vector<ServiceStatus> services) {
  InstanceStatus out;
  out.name = "x";
  out.version = "1";
  out.pid = 1;
  out.services = std::move(services);
  return encode(ControlReply{true, status_json({&out, 1}, false)});
}

// The link, and the other end of it in the hands of the test.
struct House {
  explicit House(std::size_t services = 1, ModulesLink::Patience patience = kPatience)
      : link(
            loop, "anyprobe-modules", [this] { ++changes; }, patience) {
    std::vector<ServiceElsewhere> all;
    for (std::size_t i = 0; i < services; ++i) all.push_back({"s" + std::to_string(i), {}, false, 0});
    link.status().expect(all, wall_now());
    connect();
  }
  void connect() {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    other.reset(ends[1]);
    link.connect(Descriptor(ends[0]));
  }
  std::string heard() {
    char octets[4096];
    const auto got = recv(other.get(), octets, sizeof octets, MSG_DONTWAIT);
    return got > 0 ? std::string(octets, static_cast<std::size_t>(got)) : "";
  }
  void say(const std::string& text) const {
    REQUIRE(send(other.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  bool changed(int times = 1) {
    const bool out = turn_until(
        loop, [&] { return changes >= times; }, 10s);
    changes = 0;
    return out;
  }
  [[nodiscard]] std::string state() const { return link.now().value().state; }
  [[nodiscard]] HealthState health(std::size_t at = 0) const {
    return link.now().value().services.at(at).health;
  }

  EventLoop loop;
  int changes = 0;
  Descriptor other;
  ModulesLink link;
};

}  // namespace

TEST_CASE("modules' link: nothing is asked that nobody wants to know") {
  House house;
  CHECK(house.heard().empty());
  CHECK_FALSE(house.link.settled(1h));
  CHECK_FALSE(house.link.settled(1h));
  CHECK(house.heard() == "status-part 0 163840\n");
  house.say(reply({service("s0")}));
  CHECK(house.changed());
  CHECK(house.link.settled(1h));
  CHECK(house.state() == "running");
  CHECK(house.health() == HealthState::up);
  CHECK(house.heard().empty());
  REQUIRE(turn_until(house.loop, [&] { return !house.link.settled(0s); }));
  house.say(reply({service("s0", HealthState::down)}));
  CHECK(house.changed());
  CHECK(house.health() == HealthState::down);
}

TEST_CASE("modules' link: of many services one part after the other is asked") {
  House house(2 * kServicesOfPart);
  house.link.ask();
  CHECK(house.heard() == "status-part 0 163840\n");
  const auto first = reply({service("s0")});
  house.say(first.substr(0, 20));
  CHECK_FALSE(turn_until(
      house.loop, [&] { return house.changes > 0; }, 20ms));
  house.say(first.substr(20));
  std::string next;
  REQUIRE(turn_until(house.loop, [&] { return !(next += house.heard()).empty(); }));
  CHECK(next == "status-part 4 163840\n");
  CHECK(house.changes == 0);
  house.say(reply({service("s4")}));
  CHECK(house.changed());
  CHECK(house.health(0) == HealthState::up);
  CHECK(house.health(4) == HealthState::up);
  CHECK(house.health(5) == HealthState::unknown);
}

TEST_CASE(
    "modules' link: one that says nothing hangs, is waited for by nobody, and is heard when it answers") {
  House house;
  CHECK_FALSE(house.link.settled(0s));
  CHECK(house.changed());
  CHECK(house.state() == "hangs");
  CHECK(house.link.settled(0s));
  house.heard();
  CHECK(house.link.settled(0s));
  CHECK(house.heard().empty());  // it has its question
  house.say(reply({service("s0")}));
  CHECK(house.changed());
  CHECK(house.state() == "running");
  CHECK(house.health() == HealthState::up);
}

TEST_CASE("modules' link: one that is gone is told so, until the next has answered") {
  House house;
  house.link.ask();
  house.other.reset();
  CHECK(house.changed());
  CHECK(house.state() == "headless");
  CHECK(house.link.settled(0s));
  house.link.ask();
  house.connect();
  CHECK(house.state() == "headless");
  house.link.ask();
  CHECK(house.heard() == "status-part 0 163840\n");
  house.say(reply({service("s0")}));
  CHECK(house.changed());
  CHECK(house.state() == "running");
  house.link.status().expect({}, wall_now());
  house.other.reset();
  CHECK(house.changed());
  CHECK_FALSE(house.link.now());
}

TEST_CASE("modules' link: who talks nonsense, or unasked, is heard no more") {
  House house;
  SUBCASE("no reply") {
    house.link.ask();
    house.say("hello\n");
  }
  SUBCASE("no status") {
    house.link.ask();
    house.say("ok 2\n{}");
  }
  SUBCASE("brackets in brackets") {
    house.link.ask();
    house.say("ok 40\n" + std::string(20, '[') + std::string(20, ']'));
  }
  SUBCASE("unasked") {
    house.say(reply({service("s0")}));
  }
  SUBCASE("more than was asked") {
    house.link.ask();
    house.say(reply({service("s0")}) + "o");
  }
  SUBCASE("too much") {
    house.link.ask();
    house.say("ok 163841\n");
  }
  CHECK(house.changed());
  CHECK(house.state() == "unknown");
  CHECK(house.link.now()->problems.front().find("nonsense: ") != std::string::npos);
  CHECK(send(house.other.get(), "x", 1, MSG_NOSIGNAL) < 0);
  CHECK(house.link.settled(0s));
}

TEST_CASE("modules' link: one that refuses is asked again") {
  House house;
  house.link.ask();
  house.say("error 8\nnot now\n");
  CHECK(house.changed());
  CHECK(house.state() == "unknown");
  CHECK(house.link.now()->problems.front() == "anyprobe-modules does not tell: not now");
  house.heard();
  std::string again;
  REQUIRE(turn_until(house.loop, [&] {
    house.link.ask();
    return !(again += house.heard()).empty();
  }));
  CHECK(again == "status-part 0 163840\n");
}

TEST_CASE("modules' link: whoever is flooded has turns for his own work, and the flood an end") {
  House house;
  house.link.ask();
  house.say("ok 163840\n");
  const std::string junk(4096, '[');
  std::size_t sent = 0;
  int turns = 0;
  CHECK(turn_until(house.loop, [&] {
    ++turns;
    const auto put = send(house.other.get(), junk.data(), junk.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    sent += put > 0 ? static_cast<std::size_t>(put) : 0;
    return house.changes > 0;
  }));
  CHECK(sent < 1'000'000);
  CHECK(turns > 2);
  CHECK(house.state() == "unknown");
}

TEST_CASE("control server: who is connected already and stays is answered line by line") {
  EventLoop loop;
  std::size_t size = 4;
  ControlServer server(loop,
                       [&](const ControlRequest& request) {
                         return ControlReply{true, request.verb + std::string(size, 'x')};
                       },
                       {.patience = 50ms});
  int ends[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  Descriptor mine(ends[0]);
  server.serve(Descriptor(ends[1]));
  CHECK_FALSE(turn_until(
      loop, [&] { return server.clients() == 0; }, 200ms));
  for (const std::size_t length : {4U, 4'000'000U, 1U}) {
    size = length;
    REQUIRE(send(mine.get(), "status\n", 7, MSG_NOSIGNAL) == 7);
    ReplyReader reader;
    const auto whole = [&] { return reader.state() == ReplyReader::State::whole; };
    REQUIRE(turn_until(loop, [&] {
      char octets[65536];
      const auto got = whole() ? 0 : recv(mine.get(), octets, sizeof octets, MSG_DONTWAIT);
      std::string_view piece(octets, got > 0 ? static_cast<std::size_t>(got) : 0);
      reader.take(piece);
      return whole();
    }));
    CHECK(reader.next().body.size() == length + 6);
  }
  mine.reset();
  CHECK(turn_until(loop, [&] { return server.clients() == 0; }));
}
