// How long what is announced stands without another word of the prober, and when that is taken for hung.
#include "keeper_play.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

constexpr const char* kOne = "192.0.2.1/32";
constexpr const char* kTwo = "192.0.2.2/32";

// Says so again and again, so that it is not taken for hung.
struct Chatter {
  Chatter(Play& play, std::vector<Wish> all)
      : timer(play.loop, [&play, this, wanted = std::move(all)] {
          if (quiet) return;
          play.want(++serial, wanted);
          timer.start(100ms);
        }) {
    timer.start(100ms);
  }
  std::uint32_t serial = 1000;
  bool quiet = false;
  Timer timer;
};

}  // namespace

TEST_CASE("keeper: a want that waited for longer than its lease announces nothing") {
  Play play;
  play.lease = 2s;
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {false, false});
       }},
      {play.hears(MessageType::applied, 1),
       [&] {
         play.want(2, {Wish::announce, Wish::announce}, 2s);
       }},
      {play.hears(MessageType::applied, 2),
       [&] {
         CHECK(play.table.take_done().empty());
         play.want(3, {Wish::announce, Wish::withdraw}, 100ms);
       }},
      {play.hears(MessageType::applied, 3),
       [&] {
         CHECK(play.table.take_done() == Words{"add 192.0.2.1/32 to lo"});
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a lease that ends is withdrawn, and not before; one that is renewed is not") {
  Play play;
  play.lease = 2s;  // who says nothing for two thirds of it is taken for hung
  TimePoint said{};
  Chatter chatter(play, {Wish::hold, Wish::announce});
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         said = Clock::now();
         play.accept(1, {true, true});
       }},
      {[&] { return play.table.has(kOne); }, [] {}},
      {[&] { return !play.table.has(kOne); },
       [&] {
         const auto lasted = Clock::now() - said;
         CHECK(lasted >= 2s);
         CHECK(lasted < 4s);
         CHECK(play.table.has(kTwo));
         CHECK(play.children.size() == 1);
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a prober that is silent is killed and replaced, and what it announced has its lease") {
  Play play;
  play.lease = 1s;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [] {}},
      {play.is_started(2),
       [&] {
         CHECK(play.state(0) == '-');
         CHECK(play.table.has(kOne));
         play.accept_with(1, {Wish::announce, Wish::withdraw});
       }},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(play.table.has(kOne));
         CHECK_FALSE(play.table.has(kTwo));
         play.terminate();
       }},
  });
  CHECK(play.notes.told.front() == "192.0.2.1/32 announced");
}

TEST_CASE("keeper: a prober that is suspended is silent and not killed, until it goes on") {
  Play play;
  play.lease = 1s;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.say({MessageType::suspended, 1, 0, {}});
         play.want(2, {Wish::withdraw, Wish::withdraw});
       }},
      {play.hears(MessageType::applied, 2), [&] { CHECK_FALSE(play.table.has(kOne)); }},
      {after(1500ms),
       [&] {
         CHECK(play.children.size() == 1);
         play.say({MessageType::resumed, 1, 0, {}});
       }},
      {[&] { return play.children.size() == 2; }, [&] { play.terminate(); }},
  });
}

TEST_CASE("keeper: the next one of a prober that was suspended is told so") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.say({MessageType::suspended, 1, 0, {}});
         play.want(2, {Wish::withdraw, Wish::withdraw});
       }},
      {play.hears(MessageType::applied, 2), [&] { kill(play.pid(), SIGKILL); }},
      {[&] {
         if (play.children.size() < 2) return false;
         const auto message = play.hear(MessageType::configuration);
         return message && unpack_circumstances(message->body)->suspended;
       },
       [&] { play.terminate(); }},
  });
}

TEST_CASE("keeper: a prober that reads a configuration may be silent for longer") {
  Play play;
  play.lease = 1s;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { play.hang_up(); }},
      {play.is_offered(2), [] {}},
      {after(1500ms),
       [&] {
         CHECK(play.children.size() == 1);
         play.accept(2, {true, false});
       }},
      {[&] { return play.table.has(kOne); }, [] {}},
      {[&] { return play.children.size() == 2; }, [&] { play.terminate(); }},  // not for ever
  });
}

TEST_CASE("keeper: what a prober has said many times over is compared with the kernel once") {
  Play play;
  int before = 0;
  play.run({
      {play.hears(MessageType::configuration),
       [&play] {
         play.accept(1, {true, true});
       }},
      {play.hears(MessageType::applied),
       [&] {
         before = play.table.reads;
         for (std::uint32_t serial = 2; serial <= 41; ++serial)
           play.want(serial, wishes({serial % 2 == 0, true}));
       }},
      {play.hears(MessageType::applied, 41),
       [&] {
         CHECK_FALSE(play.table.has("192.0.2.1/32"));
         CHECK(play.table.has("192.0.2.2/32"));
         CHECK(play.table.reads - before < 10);
         play.terminate();
       }},
  });
}
