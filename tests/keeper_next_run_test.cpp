// What one run leaves to the next: handed over, found, written down.
#include <poll.h>

#include "keeper_play.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

constexpr const char* kOne = "192.0.2.1/32";
constexpr const char* kTwo = "192.0.2.2/32";

void put_ours(Play& play, const char* text) {
  play.table.there.addresses.push_back({prefix(text), 1, "lo", true, Fitness::exact, "", {}, true});
}

}  // namespace

TEST_CASE("keeper: USR2 leaves what stands, with what is left of its lease") {
  Play play;
  bool by_the_prober = false;
  SUBCASE("told by a signal") {}
  SUBCASE("told by the prober") {
    by_the_prober = true;
  }
  const auto begin = Clock::now();
  const int code = play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {true, false});
       }},
      {play.hears(MessageType::applied),
       [&] {
         play.table.take_done();
         if (by_the_prober)
           play.say({MessageType::hand_over, 1, 0, {}});
         else
           kill(getpid(), SIGUSR2);
       }},
  });
  CHECK(code == kDone);
  CHECK(play.keeper.handed_over());
  CHECK(play.table.take_done().empty());
  CHECK(play.table.has(kOne));
  CHECK(play.remembered == play.configured);
  CHECK(play.keeper.leases().last_end(Clock::now()) >= begin + play.lease);
  CHECK(play.state() == '-');
}

TEST_CASE("keeper: what the prober says last before it is handed over counts") {
  Play play;
  play.stays_at_usr2 = true;
  const int code = play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         kill(getpid(), SIGUSR2);
         play.want(2, {Wish::announce, Wish::withdraw});
       }},
      {play.hears(MessageType::applied, 2), [&] { kill(play.pid(), SIGTERM); }},
  });
  CHECK(code == kDone);
  CHECK(play.keeper.handed_over());
  CHECK(play.table.has(kOne));
  CHECK_FALSE(play.table.has(kTwo));
}

TEST_CASE("keeper: one that does not heed USR2, or is suspended, is killed, and all is handed over") {
  Play play;
  play.stays_at_usr2 = true;
  bool suspended = false;
  SUBCASE("does not heed it") {}
  SUBCASE("is suspended") {
    suspended = true;
  }
  TimePoint told{};
  const int code = play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {true, false});
       }},
      {play.hears(MessageType::applied),
       [&] {
         if (suspended) play.say({MessageType::suspended, 1, 0, {}});
         play.want(2, {Wish::announce, Wish::withdraw});
       }},
      {play.hears(MessageType::applied, 2),
       [&] {
         told = Clock::now();
         kill(getpid(), SIGUSR2);
       }},
  });
  CHECK(code == kDone);
  CHECK((Clock::now() - told < 1500ms) == suspended);
  CHECK(play.keeper.handed_over());
  CHECK(play.table.has(kOne));
}

TEST_CASE("keeper: TERM behind USR2 withdraws all the same") {
  Play play;
  play.stays_at_usr2 = true;
  const int code = play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         kill(getpid(), SIGUSR2);
         play.want(2, {Wish::announce, Wish::announce});
       }},
      {play.hears(MessageType::applied, 2), [&] { play.terminate(); }},
  });
  CHECK(code == kDone);
  CHECK_FALSE(play.keeper.handed_over());
  CHECK_FALSE(play.table.has(kOne));
  CHECK(play.remembered.empty());
}

TEST_CASE("keeper: behind USR2, what no next run has taken over ends with its lease") {
  Play play;
  play.lease = 1s;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { kill(getpid(), SIGUSR2); }},
  });
  const auto& leases = play.keeper.leases();
  CHECK_FALSE(leases.needs_a_keeper(Clock::now()));  // of addresses, which the kernel ends
  play.keeper.end_leases();
  CHECK(play.table.has(kOne));
  while (Clock::now() < leases.last_end(TimePoint{})) poll(nullptr, 0, 10);
  play.keeper.end_leases();
  CHECK_FALSE(play.table.has(kOne));
  CHECK(play.remembered == play.configured);
  play.keeper.withdraw_leftovers();
  CHECK(play.remembered.empty());
}

TEST_CASE("keeper: of what an earlier run left, the configured is held, the rest is withdrawn") {
  Play play;
  play.lease = 2s;
  for (const auto* text : {kOne, kTwo, "192.0.2.3/32", "192.0.2.4/32"}) put_ours(play, text);
  play.remembered = {on_lo(kOne), on_lo(kTwo), on_lo("192.0.2.3/32")};
  play.run({
      {[&] {
         const auto message = play.hear(MessageType::configuration);
         return message && unpack_circumstances(message->body)->found == std::vector<bool>{true, true};
       },
       [&] {
         CHECK(play.table.take_done().empty());
         play.accept_with(1, {Wish::hold, Wish::hold});
       }},
      {play.hears(MessageType::applied),
       [&] {
         // And 192.0.2.4, of another instance, is not touched.
         CHECK(play.table.take_done() == Words{"remove 192.0.2.3/32 from lo"});
         CHECK(play.remembered == play.configured);
         play.want(2, {Wish::announce, Wish::hold});
       }},
      {play.hears(MessageType::applied, 2),
       [&] { CHECK(play.table.take_done() == Words{"renew 192.0.2.1/32 on lo"}); }},
      // Nobody knows more of it for as long as a lease.
      {[&] { return !play.table.has(kTwo); }, [&] { play.terminate(); }},
  });
  CHECK(play.table.has("192.0.2.4/32"));
}

TEST_CASE("keeper: what an earlier run left and the prober finds dead is withdrawn at its first word") {
  Play play;
  put_ours(play, kOne);
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept_with(1, {Wish::withdraw, Wish::hold});
       }},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(play.table.take_done() == Words{"remove 192.0.2.1/32 from lo"});
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: it is written down before it is announced, and until it is gone") {
  Play play;
  using Steps = std::vector<std::pair<std::vector<Advertisement>, Words>>;
  Steps told;  // what was to be remembered, and what had been done by then
  play.on_remember = [&] { told.emplace_back(play.remembered, play.table.done); };
  const auto one = on_lo(kOne);
  const auto two = on_lo(kTwo);
  const auto three = on_lo("192.0.2.3/32");
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         CHECK(std::exchange(told, {}) == Steps{{{one, two}, {}}});
         play.configured = {three, one};
         play.table.refusal = "Device or resource busy";
         play.table.take_done();
         play.hang_up();
       }},
      {play.is_offered(2),
       [&] {
         play.accept(2, {true, true});
       }},
      {[&] { return !play.table.done.empty(); },
       [&] {
         CHECK(std::exchange(told, {}) == Steps{{{one, two, three}, {}}});
         play.table.refusal.clear();
       }},
      {[&] { return !told.empty(); },
       [&] {
         REQUIRE(told.size() == 1);
         CHECK(told[0].first == std::vector{one, three});
         CHECK_FALSE(play.table.has(kTwo));
         told.clear();
         play.terminate();
       }},
  });
  REQUIRE(told.size() == 1);
  CHECK(told[0].first.empty());
  CHECK_FALSE(play.table.has(kOne));
}

TEST_CASE("keeper: what stays the same is not written down again") {
  Play play;
  int told = 0;
  play.on_remember = [&] { ++told; };
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { play.hang_up(); }},
      {play.is_offered(2),
       [&] {
         play.accept(2, {true, true});
       }},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(told == 1);
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: what a prober said last before it hands over is done") {
  Play play;
  play.run({
      {play.hears(MessageType::configuration),
       [&play] {
         play.accept(1, {true, true});
       }},
      {play.hears(MessageType::applied),
       [&] {
         play.want(2, wishes({false, true}));
         play.say({MessageType::hand_over, 1, 0, {}});
         kill(play.pid(), SIGTERM);
       }},
  });
  CHECK_FALSE(play.table.has("192.0.2.1/32"));
  CHECK(play.table.has("192.0.2.2/32"));
}
