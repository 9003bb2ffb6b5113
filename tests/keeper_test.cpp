#include "routing/keeper.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "core/exit_codes.hpp"
#include "fake_table.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

// A keeper whose prober is played by the test: a child that only waits, and the socket it would have had.
struct Play {
  Play()
      : reconciler(loop, table, monitor, notes, false),
        keeper(loop, reconciler, false,
               {.read = [this]() -> Outcome<std::vector<SourceFile>> { return files; },
                .understand = [this](const auto&) -> Outcome<Keeper::View> {
                  return Keeper::View{configured, {}, {}};
                },
                .spawn = [this](int socket, const std::string&) { return spawn(socket); },
                .accepted = [](const auto&) {},
                .running = [this](pid_t pid) { running.push_back(pid); },
                .fail = [this](const std::string& what) { failures.push_back(what); }}) {
    notes.on_settled = [this] { keeper.tell_applied(); };
  }
  ~Play() {
    if (prober_end >= 0) close(prober_end);
    for (const pid_t child : children) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
  }

  pid_t spawn(int socket) {
    if (prober_end >= 0) close(prober_end);
    prober_end = dup(socket);
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    children.push_back(child);
    return child;
  }

  void say(const Message& message) { say(encode(message)); }
  void say(const std::string& packet) const {
    REQUIRE(send(prober_end, packet.data(), packet.size(), 0) >= 0);
  }

  // What the keeper has said, if it has.
  std::optional<Message> hear() {
    std::string packet(kLargestMessage, '\0');
    const auto got = recv(prober_end, packet.data(), packet.size(), MSG_DONTWAIT);
    if (got <= 0) return std::nullopt;
    const auto message = decode(packet.substr(0, static_cast<std::size_t>(got)));
    return message ? std::optional(*message) : std::nullopt;
  }
  std::optional<Message> hear(MessageType type) {
    while (auto message = hear()) {
      if (message->type == type) return message;
    }
    return std::nullopt;
  }

  // Each step of the story runs in the keeper's own loop once its condition holds, in order.
  struct Step {
    std::function<bool()> when;
    std::function<void()> then;
  };
  int run(std::vector<Step> steps) {
    std::size_t at = 0;
    const auto end = Clock::now() + 20s;
    Timer tick(loop, [&] {
      while (at < steps.size() && steps[at].when()) steps[at++].then();
      if (Clock::now() > end) loop.stop();
      tick.start(1ms);
    });
    tick.start(0ms);
    const int code = keeper.run();
    CHECK(at == steps.size());
    return code;
  }
  void terminate() const { kill(getpid(), SIGTERM); }
  void accept(std::uint32_t generation, const std::vector<bool>& flags) {
    say({MessageType::accept, generation, 1, pack_flags(flags)});
  }
  std::function<bool()> hears(MessageType type, std::uint32_t serial = 0) {
    return [this, type, serial] {
      const auto message = hear(type);
      return message && (serial == 0 || message->serial == serial);
    };
  }

  EventLoop loop;
  FakeTable table;
  FakeMonitor monitor;
  Notes notes;
  std::vector<SourceFile> files = {{"anyprobe.json", "{}"}};
  std::vector<Advertisement> configured = {on_lo("192.0.2.1/32"), on_lo("192.0.2.2/32")};
  Reconciler reconciler;
  Keeper keeper;
  int prober_end = -1;
  std::vector<pid_t> children;
  std::vector<pid_t> running;
  Words failures;
};

}  // namespace

TEST_CASE("keeper: what the prober wants is in the table before it is told so, and gone at the end") {
  Play play;
  const int code = play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {false, false});
       }},
      {play.hears(MessageType::applied, 1),
       [&] {
         CHECK(play.running == std::vector<pid_t>{play.children.at(0)});
         play.say({MessageType::want, 1, 2, pack_flags({true, false})});
       }},
      {play.hears(MessageType::applied, 2),
       [&] {
         CHECK(play.table.has("192.0.2.1/32"));
         CHECK_FALSE(play.table.has("192.0.2.2/32"));
         play.terminate();
       }},
  });
  CHECK(code == kDone);
  CHECK_FALSE(play.table.has("192.0.2.1/32"));
}

TEST_CASE("keeper: a prober that was taken over can announce nothing that the configuration does not name") {
  Play play;
  const auto flags = [](std::size_t count) { return pack_flags(std::vector<bool>(count, true)); };
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.say({MessageType::want, 1, 2, flags(2)});    // before anything was accepted
         play.say({MessageType::accept, 7, 2, flags(2)});  // of a configuration there is not
         play.say({MessageType::accept, 0, 2, flags(0)});
         play.accept(1, {false, false});
       }},
      {play.hears(MessageType::applied),
       [&] {
         play.say("x");
         play.say(std::string(20000, '\xff'));
         play.say({MessageType::want, 1, 3, flags(3)});
         play.say({MessageType::want, 1, 4, flags(1000)});
         play.say({MessageType::want, 2, 5, flags(2)});
         play.say({MessageType::want, 1, 6, "\xff\xff\xff\xff"});
         play.say({MessageType::configuration, 1, 7, flags(2)});
         play.say({MessageType::applied, 1, 8, flags(2)});
         play.say({MessageType::accept, 1, 9, flags(5)});
         play.say({MessageType::accept, 0, 9, flags(0)});  // none has this generation
         play.say({MessageType::refuse, 0, 9, pack_refusal({false, {"not asked"}})});
         play.say({MessageType::refuse, 9, 9, pack_refusal({false, {"not asked"}})});
         play.say({MessageType::want, 1, 10, pack_flags({false, false})});
       }},
      {play.hears(MessageType::applied, 10), [&] { play.terminate(); }},
  });
  CHECK(play.table.take_done().empty());
  CHECK(play.running.size() == 1);
}

TEST_CASE("keeper: when the prober is killed everything is withdrawn, and another is started") {
  Play play;
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {true, true});
       }},
      {play.hears(MessageType::applied), [&] { kill(play.children.at(0), SIGKILL); }},
      {[&] { return !play.table.has("192.0.2.1/32") && !play.table.has("192.0.2.2/32"); }, [] {}},
      {[&] { return play.children.size() == 2 && play.hear(MessageType::configuration); },
       [&] {
         play.accept(1, {false, true});
       }},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(play.table.has("192.0.2.2/32"));
         CHECK(play.running.size() == 2);
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a prober that hangs up is ended, and another is started") {
  Play play;
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {true, true});
       }},
      {play.hears(MessageType::applied), [&] { play.say(""); }},  // as good as the end of the stream
      {[&] { return play.children.size() == 2 && play.hear(MessageType::configuration); },
       [&] {
         CHECK_FALSE(play.table.has("192.0.2.1/32"));
         play.accept(1, {false, false});
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: one started anew that refuses the configuration in force is replaced until one takes it") {
  Play play;
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {true, true});
       }},
      {play.hears(MessageType::applied), [&] { kill(play.children.at(0), SIGKILL); }},
      {[&] { return play.children.size() == 2 && play.hear(MessageType::configuration); },
       [&] {
         play.say({MessageType::refuse, 1, 0, pack_refusal({false, {"a module is gone"}})});
       }},
      {[&] { return play.children.size() == 3 && play.hear(MessageType::configuration); },
       [&] {
         CHECK_FALSE(play.table.has("192.0.2.1/32"));
         play.accept(1, {true, false});
       }},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(play.table.has("192.0.2.1/32"));
         play.terminate();
       }},
  });
}

TEST_CASE(
    "keeper: a refused reload keeps the old configuration, an accepted one withdraws what it no longer "
    "names") {
  Play play;
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {true, true});
       }},
      {play.hears(MessageType::applied),
       [&] {
         play.configured = {on_lo("192.0.2.3/32")};
         kill(getpid(), SIGHUP);
       }},
      {play.hears(MessageType::configuration),
       [&] {
         play.say({MessageType::refuse, 2, 0, pack_refusal({false, {"anyprobe.json: wrong"}})});
         play.say({MessageType::want, 1, 2, pack_flags({true, false})});
       }},
      {play.hears(MessageType::applied, 2),
       [&] {
         CHECK(play.table.has("192.0.2.1/32"));
         CHECK_FALSE(play.table.has("192.0.2.2/32"));
         play.configured = {on_lo("192.0.2.1/32"), on_lo("192.0.2.4/32")};
         play.table.take_done();
         play.say({MessageType::reload, 1, 0, {}});
       }},
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(3, {true, true});
       }},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(play.table.take_done() == Words{"add 192.0.2.4/32 to lo"});  // what stayed was not touched
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a first configuration that the prober refuses ends it, with every line") {
  for (const bool flags_alone : {false, true}) {
    Play play;
    const int code =
        play.run({{play.hears(MessageType::configuration), [&] {
                     play.say({MessageType::refuse, 1, 0, pack_refusal({flags_alone, {"one", "two"}})});
                   }}});
    CHECK(code == (flags_alone ? kUsage : kConfiguration));
    CHECK(play.failures == Words{"one", "two"});
    CHECK(play.running.empty());
  }
}

TEST_CASE("keeper: an address that is there without our mark ends the start, and stays") {
  Play play;
  play.table.add_foreign("192.0.2.2/32");
  const int code = play.run({{play.hears(MessageType::configuration), [&] {
                                play.accept(1, {false, false});
                              }}});
  CHECK(code == kConfiguration);
  CHECK(play.failures ==
        Words{"192.0.2.2/32 on lo is there already and lacks our mark (--adopt takes it over)"});
  CHECK(play.table.has("192.0.2.2/32"));
}

TEST_CASE("keeper: what the kernel refuses is told applied only once it has been done") {
  Play play;
  bool refused = false;
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {false, false});
       }},
      {play.hears(MessageType::applied, 1),
       [&] {
         play.table.refusal = "No buffer space available";
         play.say({MessageType::want, 1, 2, pack_flags({true, false})});
       }},
      {[&] { return !play.table.done.empty(); },
       [&] {
         refused = !play.hear(MessageType::applied);
         play.table.refusal.clear();
       }},
      {play.hears(MessageType::applied, 2),
       [&] {
         CHECK(play.table.has("192.0.2.1/32"));
         play.terminate();
       }},
  });
  CHECK(refused);
}
