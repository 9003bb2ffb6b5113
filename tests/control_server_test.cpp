#include "core/control_server.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <filesystem>
#include <functional>
#include <vector>

#include "asking.hpp"
#include "core/control_socket.hpp"
#include "turning.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

// A server in the test's own loop, and clients that are plain sockets.
struct House {
  explicit House(LineLimits limits = {})
      : server(
            loop,
            [this](const ControlRequest& request) {
              asked.push_back(encode(request));
              return answer;
            },
            limits) {
    std::string name = std::filesystem::temp_directory_path() / "anyprobe-control-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    auto opened = ControlSocket::open(folder, "dns");
    REQUIRE(opened);
    control = std::move(opened).value();
    server.listen(Descriptor(dup(control->get())));
  }
  ~House() {
    control.reset();
    std::filesystem::remove_all(folder);
  }

  bool wait_until(const std::function<bool()>& condition, Duration patience = 10s) {
    return turn_until(loop, condition, patience);
  }
  Descriptor client(const std::string& says = {}) {
    const auto place = SocketFile::at(folder, "dns.sock");
    REQUIRE(place);
    Descriptor out(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    REQUIRE(connect(out.get(), place->address(), SocketFile::size()) == 0);
    say(out, says);
    return out;
  }
  static void say(const Descriptor& client, const std::string& text) {
    REQUIRE(send(client.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
  // What comes until the server closes.
  std::string hear(const Descriptor& client) {
    std::string out;
    const bool closed = wait_until([&] {
      char octets[65536];
      ssize_t got = 0;
      while ((got = recv(client.get(), octets, sizeof octets, 0)) > 0)
        out.append(octets, static_cast<std::size_t>(got));
      return got == 0 || errno != EAGAIN;
    });
    return closed ? out : "never closed: " + out;
  }
  bool is_closed(const Descriptor& client) {
    char octet = 0;
    return recv(client.get(), &octet, 1, MSG_PEEK) == 0;
  }

  EventLoop loop;
  ControlReply answer{true, "fine"};
  std::vector<std::string> asked;
  std::string folder;
  std::unique_ptr<ControlSocket> control;
  ControlServer server;
};

}  // namespace

TEST_CASE("control server: a request is answered, and the connection ends") {
  House house;
  const auto client = house.client("status\n");
  CHECK(house.hear(client) == "ok 4\nfine");
  const auto in_pieces = house.client("dra");
  REQUIRE(house.wait_until([&] { return house.server.clients() == 1; }));
  house.say(in_pieces, "in dns\nand what is read no more");
  house.answer = {false, "not now"};
  CHECK(house.hear(in_pieces) == "error 7\nnot now");
  CHECK(house.asked == std::vector<std::string>{"status\n", "drain dns\n"});
  CHECK(house.server.clients() == 0);
}

TEST_CASE("control server: what is no request, or too long for one, is told so") {
  House house;
  CHECK(house.hear(house.client("GET / HTTP/1.1\r\n")) == "error 19\n\"GET\" is no request");
  CHECK(house.hear(house.client("status " + std::string(kLongestRequest - 8, 'a') + "\n")) == "ok 4\nfine");
  CHECK(house.hear(house.client(std::string(kLongestRequest, 'a'))) == "error 23\nthe request is too long");
  CHECK(house.hear(house.client(std::string(3 * kLongestRequest, 'a'))) ==
        "error 23\nthe request is too long");
  CHECK(house.asked.size() == 1);
}

TEST_CASE("control server: a client that hangs up is forgotten, at whatever moment") {
  House house;
  house.answer.body = std::string(4'000'000, 'x');
  auto silent = house.client();
  auto half = house.client("stat");
  auto reading = house.client("status\n");
  REQUIRE(house.wait_until([&] { return house.server.clients() == 3 && house.asked.size() == 1; }));
  for (auto* client : {&silent, &half, &reading}) client->reset();
  CHECK(house.wait_until([&] { return house.server.clients() == 0; }, 2s));
  house.answer.body = "fine";
  CHECK(house.hear(house.client("status\n")) == "ok 4\nfine");
}

TEST_CASE("control server: a large answer is read whole by a slow reader, others are not in its way") {
  House house;
  house.answer.body = std::string(4'000'000, 'x');
  const auto slow = house.client("status\n");
  REQUIRE(house.wait_until([&] { return house.asked.size() == 1; }));
  house.answer.body = "fine";
  CHECK(house.hear(house.client("status\n")) == "ok 4\nfine");
  CHECK(house.hear(slow).size() == 4'000'000 + std::string("ok 4000000\n").size());
}

TEST_CASE("control server: who is silent, or does not read, is dropped when its time is over") {
  House house({.patience = 100ms});
  const auto begun = Clock::now();
  const auto silent = house.client();
  house.answer.body = std::string(4'000'000, 'x');
  const auto stuck = house.client("status\n");
  REQUIRE(house.wait_until([&] { return house.server.clients() == 2 && !house.asked.empty(); }));
  CHECK(house.wait_until([&] { return house.server.clients() == 0; }, 5s));
  CHECK(Clock::now() - begun >= 100ms);
  CHECK(house.is_closed(silent));
  CHECK(house.hear(stuck).size() < 4'000'000);
}

TEST_CASE("control server: many clients are bounded, the newest is heard") {
  House house({.clients = 4});
  std::vector<Descriptor> hogs;
  for (int i = 0; i < 25; ++i) {
    hogs.push_back(house.client());
    REQUIRE(
        house.wait_until([&] { return house.server.clients() == std::min<std::size_t>(hogs.size(), 4); }));
  }
  CHECK(house.hear(house.client("status\n")) == "ok 4\nfine");
  CHECK(house.server.clients() == 3);
  REQUIRE(house.wait_until([&] { return house.is_closed(hogs[21]); }));
  CHECK_FALSE(house.is_closed(hogs[22]));
}

TEST_CASE("control server: without a descriptor left it still answers, one at a time, and does not spin") {
  House house({.pause = 50ms});
  const auto first = house.client("status\n");
  const auto second = house.client("status\n");
  const auto silent = house.client();
  const auto waiting = house.client("status\n");
  int turns = 0;
  {
    const test::NoDescriptors none;
    CHECK(house.hear(first) == "ok 4\nfine");
    CHECK(house.hear(second) == "ok 4\nfine");
    REQUIRE(house.wait_until([&] { return house.server.clients() == 1; }));
    Timer tick(house.loop, [&] { tick.start(10ms); });
    tick.start(10ms);
    for (const auto end = Clock::now() + 100ms; Clock::now() < end; ++turns)
      ev_run(house.loop.raw(), EVRUN_ONCE);
    CHECK(house.server.clients() == 1);
  }
  CHECK(turns < 50);
  CHECK(house.hear(waiting) == "ok 4\nfine");
}
