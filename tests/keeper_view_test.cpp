// What the keeper tells its prober of the kernel, and the socket it hands to it. The prober is played by the
// test.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "core/exit_codes.hpp"
#include "core/packet_socket.hpp"
#include "fake_table.hpp"
#include "routing/keeper.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using State = AdvertisementState;

namespace {

struct House {
  int agent = -1;
  Words beside;
  SocketPlace place;

  explicit House(int control = -1)
      : keeper(loop, reconciler, false,
               {.read = []() -> Outcome<std::vector<SourceFile>> { return std::vector<SourceFile>(); },
                .understand = [](const auto&) -> Outcome<Keeper::View> {
                  Keeper::View out;
                  out.advertisements = {on_lo("192.0.2.1/32"), on_lo("192.0.2.2/32")};
                  out.leases = {1h, 1h};
                  out.parts.resize(2, ProberPart::built_in);
                  return out;
                },
                .object = [this](const auto&) { return objections; },
                .spawn = [this](int socket, const Keeper::View&, ProberPart) { return spawn(socket); },
                .spawn_runner = [](int) { return -1; },
                .accepted = [](const auto&) {},
                .running = [](pid_t) {},
                .fail = [](const std::string&) {},
                .control = [control](ProberPart) { return control; },
                .socket =
                    [this](SocketName name) {
                      return OpenedSocket{name == SocketName::agent ? agent : -1, "192.0.2.1:5000"};
                    },
                .problems = [this] { return beside; }}) {
    notes.on_settled = [this] { keeper.tell_applied(); };
    notes.on_news = [this] { keeper.tell_soon(); };
  }
  ~House() {
    for (const pid_t child : children) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
  }

  pid_t spawn(int socket) {
    prober.reset(dup(socket));
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    children.push_back(child);
    return child;
  }

  void say(const Message& message) const { REQUIRE(send_packet(prober.get(), encode(message))); }
  void accept() {
    say({MessageType::accept, ++generation, 1, pack_want({Clock::now(), wishes({true, false})})});
  }

  // Reads on until such a message is there; the last view is kept.
  bool hears(MessageType type) {
    for (;;) {
      auto packet = receive_packet(prober.get(), kLargestMessage);
      if (packet.state != Packet::State::received) return false;
      const auto message = decode(packet.octets);
      REQUIRE(message);
      heard.push_back(message->type);
      descriptor = std::move(packet.descriptor);
      serial = message->serial;
      if (const auto now = unpack_view(message->body); message->type == MessageType::applied && now)
        view = *now;
      if (const auto now = unpack_place(message->body); message->type == MessageType::socket && now)
        place = *now;
      if (message->type == type) return true;
    }
  }

  // Each step is taken in the keeper's own loop once what it waits for is there.
  struct Step {
    std::function<bool()> when;
    std::function<void()> then;
  };
  void run(std::vector<Step> steps) {
    steps.push_back({[] { return true; }, [] { kill(getpid(), SIGTERM); }});
    steps.push_back({[] { return true; }, [this] { kill(children.back(), SIGKILL); }});
    std::size_t at = 0;
    const auto end = Clock::now() + 20s;
    Timer tick(loop, [&] {
      while (at < steps.size() && steps[at].when()) steps[at++].then();
      if (Clock::now() > end) loop.stop();
      tick.start(1ms);
    });
    tick.start(0ms);
    CHECK(keeper.run() == kDone);
    CHECK(at == steps.size());
  }
  std::function<bool()> asked() {
    return [this] { return hears(MessageType::configuration); };
  }
  std::function<bool()> told() {
    return [this] { return hears(MessageType::applied); };
  }
  std::function<bool()> told(std::vector<State> states) {
    return
        [this, states = std::move(states)] { return hears(MessageType::applied) && view.states == states; };
  }

  EventLoop loop;
  FakeTable table;
  FakeMonitor monitor;
  Notes notes;
  Words objections;
  Reconciler reconciler{loop, table, monitor, notes, false};
  Keeper keeper;
  Descriptor prober;
  std::vector<pid_t> children;
  std::uint32_t generation = 0;
  std::uint32_t serial = 0;
  KernelView view;
  Descriptor descriptor;
  std::vector<MessageType> heard;
};

}  // namespace

TEST_CASE("keeper: the prober is told how the kernel has it, also when nobody wanted a change") {
  House house;
  house.run({
      {house.asked(), [&] { house.accept(); }},
      {house.told({State::announced, State::withdrawn}),
       [&] {
         CHECK(house.serial == 1);
         CHECK(house.view.problems.empty());
         house.table.there.addresses.clear();
         house.table.add_foreign("192.0.2.1/32");
         house.monitor.emit({TableEvent::Kind::address, 1, prefix("192.0.2.1/32"), {}, false, false});
       }},
      {house.told({State::foreign, State::withdrawn}),
       [&] {
         CHECK(house.serial == 1);  // nothing new was wanted
         CHECK(house.view.problems == Words{"192.0.2.1/32 on lo: there without our mark, and left alone"});
         house.table.there.addresses.clear();
         house.monitor.emit({TableEvent::Kind::address, 1, prefix("192.0.2.1/32"), {}, true, false});
       }},
      {house.told({State::announced, State::withdrawn}), [&] { CHECK(house.view.problems.empty()); }},
  });
}

TEST_CASE("keeper: each want is answered, also one that changes nothing or cannot be done") {
  House house;
  house.run({
      {house.asked(), [&] { house.accept(); }},
      {house.told(),
       [&] {
         house.say({MessageType::want, 1, 2, pack_want({Clock::now(), wishes({true, false})})});
       }},
      {house.told(),
       [&] {
         CHECK(house.serial == 2);
         house.table.refusal = "No buffer space available";
         house.say({MessageType::want, 1, 3, pack_want({Clock::now(), wishes({true, true})})});
       }},
      {house.told(),
       [&] {
         CHECK(house.serial == 2);
         CHECK(house.view.states == std::vector<State>{State::announced, State::withdrawn});
         CHECK(house.view.problems == Words{"failed: add 192.0.2.2/32 to lo: No buffer space available"});
         house.say({MessageType::want, 1, 4, pack_want({Clock::now(), wishes({true, true})})});
       }},
      {house.told(),
       [&] {
         house.table.refusal.clear();
         house.say({MessageType::want, 1, 5, pack_want({Clock::now(), wishes({true, true})})});
       }},
      {house.told({State::announced, State::announced}),
       [&] {
         CHECK(house.serial == 5);
         CHECK(house.view.problems.empty());
       }},
  });
}

TEST_CASE("keeper: a reload that was refused is told as a problem until one is taken") {
  House house;
  house.run({
      {house.asked(), [&] { house.accept(); }},
      {house.told(),
       [&] {
         house.objections = {"first", "second"};
         house.say({MessageType::reload, 1, 0, {}});
       }},
      {house.told(),
       [&] {
         CHECK(house.view.problems == Words{"the last reload was refused: first"});
         house.objections.clear();
         house.say({MessageType::reload, 1, 0, {}});
       }},
      {house.asked(),
       [&] {
         house.say({MessageType::refuse, 3, 0, pack_refusal({false, {"anyprobe.json: wrong"}})});
       }},
      {house.told(),
       [&] {
         CHECK(house.view.problems == Words{"the last reload was refused: anyprobe.json: wrong"});
         house.say({MessageType::reload, 1, 0, {}});
       }},
      {house.asked(),
       [&] {
         house.say({MessageType::accept, 4, 2, pack_want({Clock::now(), wishes({true, false})})});
       }},
      {house.told(), [&] { CHECK(house.view.problems.empty()); }},
  });
}

TEST_CASE("keeper: each prober is handed the control socket, once it has its services") {
  const Descriptor control(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  House house(control.get());
  const auto handed = [&] { return house.hears(MessageType::control); };
  house.run({
      {house.asked(),
       [&] {
         CHECK(house.heard == std::vector<MessageType>{MessageType::configuration});
         house.accept();
       }},
      {handed,
       [&] {
         int type = 0;
         socklen_t size = sizeof type;
         REQUIRE(getsockopt(house.descriptor.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0);
         CHECK(type == SOCK_STREAM);
         kill(house.children.front(), SIGKILL);
       }},
      {[&] { return house.children.size() == 2 && house.hears(MessageType::configuration); },
       [&] {
         house.say({MessageType::accept, 1, 1, pack_want({Clock::now(), wishes({true, false})})});
       }},
      {handed, [&] { CHECK(house.descriptor.valid()); }},
  });
}

TEST_CASE("keeper: the prober is handed the agent's socket, another one, and that there is none") {
  const Descriptor first(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Descriptor second(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto family = [](const Descriptor& socket) {
    int out = 0;
    socklen_t size = sizeof out;
    REQUIRE(getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &out, &size) == 0);
    return out;
  };
  House house;
  house.agent = first.get();
  const auto handed = [&] { return house.hears(MessageType::socket); };
  house.run({
      {house.asked(),
       [&] {
         house.keeper.socket_changed(SocketName::agent);  // it is told once it is at work
         house.accept();
       }},
      {handed,
       [&] {
         CHECK(family(house.descriptor) == AF_INET);
         CHECK(house.place.name == SocketName::agent);
         CHECK(house.place.where == "192.0.2.1:5000");
         house.agent = second.get();
         house.keeper.socket_changed(SocketName::agent);
       }},
      {handed,
       [&] {
         CHECK(family(house.descriptor) == AF_INET6);
         house.agent = -1;
         house.beside = {"the agent cannot listen"};
         house.keeper.socket_changed(SocketName::agent);
       }},
      {handed, [&] { CHECK_FALSE(house.descriptor.valid()); }},
      {house.told(), [&] { CHECK(house.view.problems == house.beside); }},
  });
}
