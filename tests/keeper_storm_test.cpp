// Configurations, deaths and signals that cross each other.
#include "keeper_play.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

const std::vector<ProberPart> kBoth{ProberPart::built_in, ProberPart::modules};

// What the first offer brings is announced, then this is configured, and the prober ends over it so that
// another follows and is offered it too.
std::vector<Play::Step> followed_over(Play& play, std::vector<Advertisement> configured) {
  return {
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&play, configured = std::move(configured)] {
         play.configured = configured;
         play.hang_up();
       }},
      {play.is_offered(2), [&play] { kill(play.pid(), SIGALRM); }},
  };
}

}  // namespace

TEST_CASE("keeper: of many HUPs while a configuration is judged, one more is heeded") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { play.hang_up(); }},
      {play.is_offered(2),
       [&] {
         for (int i = 0; i < 100; ++i) play.say({MessageType::reload, 1, 0, {}});
         play.accept(2, {true, true});
       }},
      {play.is_offered(3),
       [&] {
         play.accept(3, {true, false});
       }},
      {[&] { return !play.table.has("192.0.2.2/32"); },
       [&] {
         CHECK(play.reads == 3);
         CHECK_FALSE(play.hear(MessageType::configuration));
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a HUP that comes before the first configuration is in force is heeded once it is") {
  Play play;
  bool passed = false;
  Timer later(play.loop, [&] { passed = true; });  // and so the signal has been taken
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.hang_up();
         later.start(50ms);
       }},
      {[&] { return passed; },
       [&] {
         play.accept(1, {true, true});
       }},
      {play.is_offered(2),
       [&] {
         play.accept(2, {true, false});
       }},
      {[&] { return !play.table.has("192.0.2.2/32"); },
       [&] {
         CHECK(play.reads == 2);
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a prober that dies over a new configuration comes back with the old one") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.configured = {on_lo("192.0.2.3/32")};
         play.hang_up();
       }},
      {play.is_offered(2), [&] { kill(play.pid(), SIGKILL); }},
      {play.is_started(2),
       [&] {
         play.accept(1, {true, true});
       }},
      {[&] { return play.running.size() == 2; },
       [&] {
         CHECK(play.table.has("192.0.2.1/32"));
         CHECK(play.children.size() == 2);
         play.terminate();
       }},
  });
}

TEST_CASE(
    "keeper: a prober that can take a new configuration only in another process is followed by one that "
    "takes it") {
  Play play;
  auto steps = followed_over(play, {on_lo("192.0.2.1/32"), on_lo("192.0.2.2/32"), on_lo("192.0.2.3/32")});
  steps.push_back({play.is_offered(2), [&] {
                     CHECK(play.table.has("192.0.2.1/32"));
                     play.accept(2, {true, false, true});
                   }});
  steps.push_back({[&] { return play.table.has("192.0.2.3/32"); },
                   [&] {
                     CHECK(play.table.has("192.0.2.1/32"));
                     CHECK_FALSE(play.table.has("192.0.2.2/32"));
                     CHECK(play.children.size() == 2);
                     play.terminate();
                   }});
  play.run(std::move(steps));
}

TEST_CASE("keeper: if that one refuses it, it goes on with the old one") {
  Play play;
  auto steps = followed_over(play, {on_lo("192.0.2.3/32")});
  steps.push_back({play.is_offered(2), [&] { play.refuse(2); }});
  steps.push_back({play.is_offered(1), [&] { play.accept(1, {true, true}); }});
  steps.push_back({[&] { return play.running.size() == 2; },
                   [&] {
                     CHECK(play.table.has("192.0.2.1/32"));
                     CHECK_FALSE(play.table.has("192.0.2.3/32"));
                     CHECK(play.children.size() == 2);
                     play.terminate();
                   }});
  play.run(std::move(steps));
}

TEST_CASE("keeper: modules that are taken away and given back at once do not end the whole") {
  Play play;
  play.parts = kBoth;
  const int code = play.run({
      {play.modules.hears(MessageType::configuration),
       [&] {
         play.modules.accept(1, {false, true});
       }},
      first_accepts(play),
      {play.modules.hears(MessageType::applied),
       [&] {
         play.parts.clear();
         play.hang_up();
       }},
      {play.is_offered(2),
       [&] {
         play.accept(2, {true, true});
         play.parts = kBoth;
         play.say({MessageType::reload, 2, 0, {}});
       }},
      {[&] { return play.modules.children.size() == 2 && play.modules.hear(MessageType::configuration); },
       [&] {
         play.modules.accept(3, {false, true});
       }},
      {play.is_offered(3),
       [&] {
         play.accept(3, {true, false});
       }},
      {play.hears(MessageType::applied, 3),
       [&] {
         CHECK(play.table.has("192.0.2.2/32"));
         play.terminate();
       }},
  });
  CHECK(code == kDone);
}

TEST_CASE("keeper: a refusal that ends the prober of modules does not take the next configuration with it") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.parts = kBoth;
         play.hang_up();
       }},
      {play.modules.is_offered(2),
       [&] {
         play.say({MessageType::reload, 1, 0, {}});  // heeded once the refusal is
         play.modules.refuse(2);
         close(std::exchange(play.modules.end, -1));  // there is no talking to it any more
       }},
      {[&] { return play.modules.children.size() == 2 && play.modules.hear(MessageType::configuration); },
       [&] {
         play.modules.accept_with(3, {Wish::hold, Wish::announce});
       }},
      {play.is_offered(3),
       [&] {
         play.accept_with(3, {Wish::announce, Wish::hold});
       }},
      {play.modules.hears(MessageType::applied), [&] { play.terminate(); }},
  });
  CHECK(play.reads == 3);
}

TEST_CASE("keeper: who was asked when a configuration was dropped gets the old one back") {
  Play play;
  play.parts = kBoth;
  play.run({
      {play.modules.hears(MessageType::configuration),
       [&] {
         play.modules.accept(1, {false, true});
       }},
      first_accepts(play),
      {play.modules.hears(MessageType::applied), [&] { play.hang_up(); }},
      {play.modules.is_offered(2),
       [&] {
         play.modules.accept(2, {false, true});
       }},
      {play.is_offered(2), [&] { kill(play.modules.pid(), SIGKILL); }},
      // It does not know yet that nobody wants it.
      {play.modules.is_started(2),
       [&] {
         play.accept_with(2, {Wish::announce, Wish::hold});
       }},
      {play.is_offered(1),
       [&] {
         play.modules.accept(1, {false, true});
         play.accept_with(1, {Wish::announce, Wish::hold});
         play.want(7, {Wish::withdraw, Wish::hold});
       }},
      {play.hears(MessageType::applied, 7),
       [&] {
         CHECK_FALSE(play.table.has("192.0.2.1/32"));
         CHECK(play.table.has("192.0.2.2/32"));
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a prober of modules that dies before all have judged is not left out") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.parts = kBoth;
         play.hang_up();
       }},
      {play.modules.is_offered(2),
       [&] {
         play.modules.accept(2, {false, true});
       }},
      {play.is_offered(2), [&] { kill(play.modules.pid(), SIGKILL); }},
      {[&] { return play.modules.state() == '-'; },
       [&] {
         play.accept(2, {true, false});
       }},
      {play.is_offered(1),  // the old one, since the new one was dropped
       [&] {
         play.accept(1, {true, true});
         play.hang_up();
       }},
      {play.modules.is_offered(3),
       [&] {
         play.modules.accept(3, {false, true});
       }},
      {play.is_offered(3),
       [&] {
         play.accept(3, {true, false});
       }},
      {play.modules.hears(MessageType::applied), [&] { play.terminate(); }},
  });
}

TEST_CASE("keeper: a prober that asks for a reload and dies is replaced by one, not by two") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.say({MessageType::reload, 1, 0, {}});
         play.kill_and_wait();
       }},
      {play.is_started(2),
       [&] {
         play.accept(1, {true, true});
       }},
      {play.is_offered(2),
       [&] {
         play.accept(2, {true, false});
       }},
      {[&] { return !play.table.has("192.0.2.2/32"); },
       [&] {
         CHECK(play.children.size() == 2);
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: one that has died is not said to run") {
  Play play;
  const int code = play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {true, true});
         play.kill_and_wait();
       }},
      {play.is_started(2),
       [&] {
         play.accept(1, {true, true});
       }},
      {[&] { return !play.running.empty(); }, [&] { play.terminate(); }},
  });
  CHECK(code == kDone);
  CHECK(play.running == std::vector<pid_t>{play.children.at(1)});
}

TEST_CASE("keeper: a configuration in force that no new prober takes can be mended by a HUP") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { kill(play.pid(), SIGKILL); }},
      {play.is_started(2),
       [&] {
         play.hang_up();  // while it reads what it will refuse
         play.say({MessageType::refuse, 1, 0, pack_refusal({false, {"a module is gone"}})});
       }},
      {[&] {
         const auto message = play.hear(MessageType::configuration);
         return message && message->generation == 2;
       },
       [&] {
         play.accept(2, {true, false});
       }},
      {[&] { return !play.table.has("192.0.2.2/32"); }, [&] { play.terminate(); }},
  });
}

TEST_CASE("keeper: a new configuration that is accepted in other terms than the keeper's is dropped") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { play.hang_up(); }},
      {play.is_offered(2),
       [&] {
         play.accept(2, {true, true, true});
       }},
      {play.is_offered(1),
       [&] {
         play.accept(1, {true, false});
         play.hang_up();
       }},
      {play.is_offered(3),
       [&] {
         play.accept(3, {true, true});
       }},
      {play.hears(MessageType::applied, 3), [&] { play.terminate(); }},
  });
}

TEST_CASE("keeper: a prober of modules that is to leave is told that what it held is gone") {
  Play play;
  play.parts = kBoth;
  play.run({
      {play.modules.hears(MessageType::configuration),
       [&] {
         play.modules.accept(1, {false, true});
       }},
      first_accepts(play),
      {play.modules.hears(MessageType::applied),
       [&] {
         play.parts.clear();
         play.hang_up();
         kill(play.modules.pid(), SIGSTOP);  // so that it is still there to be heard
       }},
      {play.is_offered(2),
       [&] {
         play.accept(2, {true, true});
       }},
      {play.hears(MessageType::applied, 2),
       [&] {
         play.modules.want(9, {Wish::withdraw, Wish::withdraw});
       }},
      {play.modules.hears(MessageType::applied, 9),
       [&] {
         CHECK(play.table.has("192.0.2.2/32"));  // it is the other's now
         play.terminate();
       }},
  });
}

TEST_CASE(
    "keeper: a prober that waits for the other to judge is watched by the lease that it has been given") {
  Play play;
  play.parts = kBoth;
  play.run({
      {play.modules.hears(MessageType::configuration),
       [&] {
         play.modules.accept(1, {false, true});
       }},
      {play.hears(MessageType::configuration), [] {}},
      {after(2500ms),
       [&] {
         play.accept(1, {true, false});
       }},
      {play.modules.hears(MessageType::applied),
       [&] {
         CHECK(play.modules.children.size() == 1);
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: what a prober says while the other still judges counts from when that is in force") {
  Play play;
  play.parts = kBoth;
  play.run({
      {play.modules.hears(MessageType::configuration),
       [&] {
         play.modules.accept(1, {false, true});
       }},
      first_accepts(play),
      {play.modules.hears(MessageType::applied), [&] { play.hang_up(); }},
      {play.modules.is_offered(2),
       [&] {
         play.modules.accept_with(2, {Wish::hold, Wish::announce});
       }},
      {play.is_offered(2),
       [&] {
         play.modules.want(9, {Wish::hold, Wish::withdraw});
       }},
      {after(100ms),
       [&] {
         CHECK_FALSE(play.modules.hear(MessageType::applied));
         play.table.take_done();
         play.accept_with(2, {Wish::announce, Wish::hold});
       }},
      {play.modules.hears(MessageType::applied, 9),
       [&] {
         CHECK(play.table.take_done() == Words{"remove 192.0.2.2/32 from lo"});
         play.terminate();
       }},
  });
}
