// A keeper whose probers are played by the test, in steps that each wait for their condition.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/exit_codes.hpp"
#include "fake_table.hpp"
#include "routing/keeper.hpp"

namespace anyprobe {

// One prober: a child that only waits, and the socket that it would have had.
class PlayedProber {
 public:
  PlayedProber() = default;
  ~PlayedProber() {
    if (end >= 0) close(end);
    for (const pid_t child : children) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
  }
  PlayedProber(const PlayedProber&) = delete;
  PlayedProber& operator=(const PlayedProber&) = delete;

  // It ends with 0 when it is told to leave, stops when it is told to, and at SIGALRM ends for another to
  // follow.
  pid_t spawn(int socket) {
    if (end >= 0) close(end);
    end = dup(socket);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    const pid_t child = fork();
    if (child == 0) {
      close_range(3, ~0U, 0);
      std::signal(SIGTERM, [](int) { _exit(0); });
      std::signal(
          SIGUSR2, stays_at_usr2 ? [](int) {} : [](int) { _exit(0); });
      std::signal(SIGTSTP, [](int) { raise(SIGSTOP); });
      std::signal(SIGALRM, [](int) { _exit(kNotNow); });
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      for (;;) pause();
    }
    sigprocmask(SIG_SETMASK, &before, nullptr);
    children.push_back(child);
    return child;
  }

  void say(const Message& message) { say(encode(message)); }
  void say(const std::string& packet) const {
    REQUIRE(send(end, packet.data(), packet.size(), MSG_NOSIGNAL) >= 0);
  }
  // Its serial is that generation too.
  void accept_with(std::uint32_t of, const std::vector<Wish>& all) {
    generation = of;
    say({MessageType::accept, of, of, pack_want({Clock::now(), all})});
  }
  void accept(std::uint32_t of, const std::vector<bool>& flags) { accept_with(of, wishes(flags)); }
  void refuse(std::uint32_t of) { say({MessageType::refuse, of, 0, pack_refusal({false, {"not so"}})}); }
  void want(std::uint32_t serial, const std::vector<Wish>& all, Duration ago = {}) {
    say({MessageType::want, generation, serial, pack_want({Clock::now() - ago, all})});
  }

  // What the keeper has said, if it has.
  std::optional<Message> hear() {
    std::string packet(kLargestMessage, '\0');
    const auto got = recv(end, packet.data(), packet.size(), MSG_DONTWAIT);
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
  // For the steps: a message of that type has come, with that serial or of that generation where it is said.
  std::function<bool()> hears(MessageType type, std::uint32_t serial = 0) {
    return [this, type, serial] {
      const auto message = hear(type);
      return message && (serial == 0 || message->serial == serial);
    };
  }
  std::function<bool()> is_offered(std::uint32_t of) {
    return [this, of] {
      const auto message = hear(MessageType::configuration);
      return message && message->generation == of;
    };
  }
  // ... and so many have been started by now.
  std::function<bool()> is_started(std::size_t times) {
    return [this, times] { return children.size() >= times && hear(MessageType::configuration); };
  }
  // R, S, T, Z as in /proc; '-' once it is reaped.
  [[nodiscard]] char state(std::size_t child = 0) const {
    std::ifstream in("/proc/" + std::to_string(children.at(child)) + "/stat");
    std::string word;
    char out = '-';
    in >> word >> word >> out;
    return out;
  }
  [[nodiscard]] pid_t pid() const { return children.back(); }
  // SIGCHLD is there too when it returns, which /proc does not promise of a zombie; it is not reaped yet.
  void kill_and_wait() const {
    siginfo_t how;
    REQUIRE(kill(pid(), SIGKILL) == 0);
    REQUIRE(waitid(P_PID, static_cast<id_t>(pid()), &how, WEXITED | WNOWAIT) == 0);
  }

  int end = -1;
  std::vector<pid_t> children;
  std::uint32_t generation = 1;  // of what it wants
  bool stays_at_usr2 = false;
};

// The keeper, and the prober of the program's own probes. There is one for modules where `parts` is not
// empty.
struct Play : PlayedProber {
  explicit Play(bool adopt = false)
      : reconciler(loop, table, monitor, notes, adopt),
        keeper(loop, reconciler, adopt,
               {.read = [this]() -> Outcome<std::vector<SourceFile>> {
                  ++reads;
                  return files;
                },
                .understand = [this](const auto&) -> Outcome<Keeper::View> {
                  Keeper::View view;
                  view.advertisements = configured;
                  view.leases.assign(configured.size(), lease);
                  view.parts = parts;
                  view.parts.resize(configured.size(), ProberPart::built_in);
                  view.has_modules = !parts.empty();
                  view.services = services;
                  view.lingers.assign(configured.size(), linger);
                  view.lingers_removed = view.lingers;
                  view.vty_dir = vty_dir;
                  if (has_commands) view.commands.commands.emplace_back();
                  return view;
                },
                .object = [this](const auto&) { return objections; },
                .spawn =
                    [this](int socket, const Keeper::View&, ProberPart part) {
                      return part == ProberPart::modules ? modules.spawn(socket) : spawn(socket);
                    },
                .spawn_runner = [this](int socket) { return has_commands ? runner.spawn(socket) : -1; },
                .accepted = [](const auto&) {},
                .running = [this](pid_t pid) { running.push_back(pid); },
                .fail = [this](const std::string& what) { failures.push_back(what); },
                .recall = [this] { return remembered; },
                .remember =
                    [this](const std::vector<Advertisement>& all) {
                      remembered = all;
                      if (on_remember) on_remember();
                    },
                .recall_drained = [this] { return drained; },
                .remember_drained = [this](const auto& names) { drained = names; }}) {
    notes.on_settled = [this] { keeper.tell_applied(); };
    notes.on_news = [this] { keeper.tell_soon(); };
  }

  // Each step of the story runs in the keeper's own loop once its condition holds, in order.
  struct Step {
    std::function<bool()> when;
    std::function<void()> then;
  };
  int run(std::vector<Step> steps) {
    std::size_t at = 0;
    const auto end_of_patience = Clock::now() + std::chrono::seconds(20);
    Timer tick(loop, [&] {
      while (at < steps.size() && steps[at].when()) steps[at++].then();
      if (Clock::now() > end_of_patience) loop.stop();
      tick.start(std::chrono::milliseconds(1));
    });
    tick.start({});
    const int code = keeper.run();
    CHECK(at == steps.size());
    return code;
  }
  void terminate() const { kill(getpid(), SIGTERM); }
  void hang_up() const { kill(getpid(), SIGHUP); }

  EventLoop loop;
  FakeTable table;
  FakeMonitor monitor;
  Notes notes;
  std::vector<SourceFile> files = {{"anyprobe.json", "{}"}};
  std::vector<Advertisement> configured = {on_lo("192.0.2.1/32"), on_lo("192.0.2.2/32")};
  std::chrono::seconds lease = std::chrono::hours(1);
  Duration linger{};
  std::vector<Keeper::ServiceOf> services;
  std::set<std::string> drained;
  std::vector<ProberPart> parts;
  std::vector<Advertisement> remembered;
  std::function<void()> on_remember;
  Reconciler reconciler;
  Keeper keeper;
  PlayedProber modules;
  PlayedProber runner;  // where there are commands: a child that only waits, as they do
  bool has_commands = false;
  std::string vty_dir;
  int reads = 0;
  std::vector<pid_t> running;
  Words failures;
  Words objections;
};

// The step that most stories begin with: both of what is configured by default is announced.
inline Play::Step first_accepts(Play& play) {
  return {play.hears(MessageType::configuration), [&play] { play.accept(1, {true, true}); }};
}

// For the steps: so much later, counted from the first time it is asked.
inline std::function<bool()> after(Duration time) {
  return [time, end = TimePoint{}]() mutable {
    if (end == TimePoint{}) end = Clock::now() + time;
    return Clock::now() >= end;
  };
}

}  // namespace anyprobe
