#include "routing/vty_question.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <fstream>
#include <optional>

#include "core/packet_socket.hpp"
#include "played_vty.hpp"
#include "routing/socket_owner.hpp"
#include "routing/vty_desk.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using anyprobe::test::PlayedVty;
using End = FrrAnswer::End;

namespace {

// Answers "enable", and then each command by what `reply` makes of it.
PlayedVty::Daemon daemon_that(std::function<std::string(const std::string& command)> reply) {
  return [reply = std::move(reply)](const PlayedVty&, int socket) {
    if (PlayedVty::hear(socket) != "enable" || !PlayedVty::say(socket, PlayedVty::end())) return;
    for (auto command = PlayedVty::hear(socket); !command.empty(); command = PlayedVty::hear(socket)) {
      if (!PlayedVty::say(socket, reply(command))) return;
    }
  };
}

struct Asker {
  FrrAnswer ask(const std::string& path, std::vector<std::string> commands,
                VtyQuestion::Bounds bounds = {5s}) {
    question.ask(path, std::move(commands), bounds);
    CHECK_FALSE(answer);
    // The loop turns while the daemon takes its time.
    Timer beat(loop, [&] {
      ++beats;
      beat.start(1ms);
    });
    beat.start(1ms);
    Timer patience(loop, [this] { loop.stop(); });
    patience.start(20s);
    loop.run();
    REQUIRE(answer);
    return *answer;
  }

  EventLoop loop;
  std::optional<FrrAnswer> answer;
  std::string replies;
  int seals = 0;
  int beats = 0;
  VtyQuestion question{loop, [this](const FrrAnswer& got, const Descriptor& file) {
                         answer = got;
                         CHECK(file.valid() == (got.end == End::answered));
                         if (file.valid()) {
                           replies = read_memory_file(file.get());
                           seals = fcntl(file.get(), F_GET_SEALS);
                         }
                         loop.stop();
                       }};
};

std::string failure(const PlayedVty::Daemon& daemon, VtyQuestion::Bounds bounds = {5s}) {
  const PlayedVty vty(daemon);
  Asker asker;
  const auto answer = asker.ask(vty.path(), {"one", "two"}, bounds);
  CHECK(answer.end == End::failed);
  CHECK(asker.replies.empty());
  const auto name = vty.path() + ": ";
  return answer.why.starts_with(name) ? answer.why.substr(name.size()) : answer.why;
}

}  // namespace

TEST_CASE("vty: commands are asked in turn, and the replies kept as they come, sealed") {
  const PlayedVty vty(daemon_that([](const std::string& command) {
    return "[" + command + "]" + PlayedVty::end(command == "two" ? '\2' : '\0');
  }));
  Asker asker;
  CHECK(asker.ask(vty.path(), {"one", "two", "three"}).end == End::answered);
  const auto split = split_replies(asker.replies);
  REQUIRE(split);
  REQUIRE(split->size() == 3);
  CHECK((*split)[0].text == "[one]");
  CHECK((*split)[1].text == "[two]");
  CHECK((*split)[1].status == 2);
  CHECK((*split)[2].text == "[three]");
  CHECK(asker.seals == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
}

TEST_CASE("vty: a long reply in pieces, the end of which is cut anywhere") {
  const std::string text(300'000, 'x');
  const PlayedVty vty([&](const PlayedVty&, int socket) {
    PlayedVty::hear(socket);
    for (const char octet : PlayedVty::end()) {
      PlayedVty::say(socket, std::string(1, octet));
      std::this_thread::sleep_for(2ms);
    }
    PlayedVty::hear(socket);
    PlayedVty::say(socket, text + '\0');
    std::this_thread::sleep_for(2ms);
    PlayedVty::say(socket, std::string("\0\0", 2));
    std::this_thread::sleep_for(2ms);
    PlayedVty::say(socket, std::string(1, '\0'));
    PlayedVty::hear(socket);
  });
  Asker asker;
  CHECK(asker.ask(vty.path(), {"one"}).end == End::answered);
  CHECK(asker.replies == text + PlayedVty::end());
}

TEST_CASE("vty: one that hangs is given up in time, and the loop turns meanwhile") {
  const PlayedVty vty([](const PlayedVty& self, int) { self.hang(); });
  Asker asker;
  const auto begin = Clock::now();
  const auto answer = asker.ask(vty.path(), {"one"}, {200ms});
  CHECK(answer.end == End::failed);
  CHECK(answer.why == vty.path() + ": does not answer in time");
  CHECK(Clock::now() - begin >= 200ms);
  CHECK(asker.beats > 5);
}

TEST_CASE("vty: what is no answer") {
  // At once: it depends on who is quicker what we notice.
  CHECK_FALSE(failure([](const PlayedVty&, int) {}).empty());
  CHECK(failure(daemon_that([](const std::string&) { return "half of"; }), {200ms}) ==
        "does not answer in time");
  CHECK(failure([](const PlayedVty&, int socket) {
          PlayedVty::hear(socket);
          PlayedVty::say(socket, PlayedVty::end());
          PlayedVty::hear(socket);
          PlayedVty::say(socket, "half of");
        }) == "hangs up in the middle of its answer");
  CHECK(failure(daemon_that([](const std::string&) {
          return "a" + PlayedVty::end() + "b" + PlayedVty::end();
        })) == "says more than it was asked");
  CHECK(failure([](const PlayedVty&, int socket) {
          PlayedVty::hear(socket);
          PlayedVty::say(socket, "Password: " + PlayedVty::end('\1'));
          PlayedVty::hear(socket);
        }) == "refuses to be asked");
  CHECK(failure(daemon_that([](const std::string&) { return std::string(5000, 'x') + PlayedVty::end(); }),
                {5s, 5003}) == "says more than 5003 octets");
  // Without end, and faster than it can be read.
  CHECK(failure(daemon_that([](const std::string&) { return std::string(4'000'000, 'x'); }), {5s, 100'000}) ==
        "says more than 100000 octets");
}

TEST_CASE("vty: nobody there, and no socket at all") {
  Asker none;
  CHECK(none.ask("/nonexistent/ospfd.vty", {"one"}).end == End::absent);
  CHECK(none.answer->why == "/nonexistent/ospfd.vty: No such file or directory");
  std::string path;
  {
    const PlayedVty vty([](const PlayedVty&, int) {});
    path = vty.folder() + "/file";
    std::ofstream(path) << "x";
    Asker file;
    CHECK(file.ask(path, {"one"}).end == End::failed);
    CHECK(file.answer->why == path + " is no socket");
  }
}

TEST_CASE("vty: a listener is ours only in the network namespace that it is of") {
  const PlayedVty vty([](const PlayedVty&, int) {});
  CHECK(why_foreign(vty.path()).empty());
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 && unshare(CLONE_NEWNET) != 0) _exit(2);
    _exit(why_foreign(vty.path()).find("another network namespace") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 2)
    MESSAGE("no network namespace can be made here");
  else
    CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("vty: a desk asks one at a time, rests in between, and drops what nobody waits for") {
  std::atomic<int> asked = 0;
  const PlayedVty vty(daemon_that([&](const std::string&) {
    ++asked;
    std::this_thread::sleep_for(20ms);
    return PlayedVty::end();
  }));
  EventLoop loop;
  std::vector<std::uint32_t> told;
  TimePoint first{};
  TimePoint second{};
  VtyDesk desk(loop, [&](std::uint32_t serial, const FrrAnswer&, const Descriptor&) {
    told.push_back(serial);
    (told.size() == 1 ? first : second) = Clock::now();
    std::filesystem::remove(vty.path());  // so that the next fails at once
    if (told.size() == 2) loop.stop();
  });
  const auto ask = [&](std::uint32_t serial) {
    desk.ask(serial, vty.folder(), {FrrQuestion::ospf_state, 0}, {});
  };
  ask(1);
  ask(2);
  ask(3);
  Timer patience(loop, [&] { loop.stop(); });
  patience.start(20s);
  loop.run();
  CHECK(told == std::vector<std::uint32_t>{1, 3});
  CHECK(second - first >= 9 * 3 * 20ms);
  CHECK(asked == 3);

  ask(4);
  desk.forget();
  Timer soon(loop, [&] { loop.stop(); });
  soon.start(50ms);
  loop.run();
  CHECK(told.size() == 2);
}
