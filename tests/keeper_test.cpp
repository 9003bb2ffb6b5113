#include "keeper_play.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

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
         play.want(2, wishes({true, false}));
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
  const auto flags = [](std::size_t count) {
    return pack_want({Clock::now(), std::vector<Wish>(count, Wish::announce)});
  };
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
         play.want(10, wishes({false, false}));
       }},
      {play.hears(MessageType::applied, 10), [&] { play.terminate(); }},
  });
  CHECK(play.table.take_done().empty());
  CHECK(play.running.size() == 1);
}

TEST_CASE("keeper: when the prober is killed its leases run on, and the next one says what is to become") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.table.take_done();
         kill(play.children.at(0), SIGKILL);
       }},
      {[&] { return play.children.size() == 2; }, [] {}},
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
         CHECK(play.table.take_done().empty());
         CHECK(play.running.size() == 2);
         play.want(2, {Wish::withdraw, Wish::announce});
       }},
      {play.hears(MessageType::applied, 2),
       [&] {
         CHECK_FALSE(play.table.has("192.0.2.1/32"));
         CHECK(play.table.has("192.0.2.2/32"));
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a prober that hangs up is ended, and another is started") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { play.say(""); }},  // as good as the end of the stream
      {[&] { return play.children.size() == 2 && play.hear(MessageType::configuration); },
       [&] {
         play.accept(1, {false, false});
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: one started anew that refuses the configuration in force is replaced until one takes it") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { kill(play.children.at(0), SIGKILL); }},
      {[&] { return play.children.size() == 2 && play.hear(MessageType::configuration); },
       [&] {
         play.say({MessageType::refuse, 1, 0, pack_refusal({false, {"a module is gone"}})});
       }},
      {[&] { return play.children.size() == 3 && play.hear(MessageType::configuration); },
       [&] {
         play.accept(1, {true, false});
       }},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(play.table.has("192.0.2.1/32"));
         CHECK_FALSE(play.table.has("192.0.2.2/32"));
         play.terminate();
       }},
  });
}

TEST_CASE(
    "keeper: a refused reload keeps the old configuration, an accepted one withdraws what it no longer "
    "names") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.configured = {on_lo("192.0.2.3/32")};
         kill(getpid(), SIGHUP);
       }},
      {play.hears(MessageType::configuration),
       [&] {
         play.say({MessageType::refuse, 2, 0, pack_refusal({false, {"anyprobe.json: wrong"}})});
         play.want(2, wishes({true, false}));
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
         play.want(2, wishes({true, false}));
       }},
      {play.hears(MessageType::applied, 1),
       [&] {
         refused = true;
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

TEST_CASE("keeper: what is accepted is in the table before it is told so") {
  Play play;
  int settlements = 0;
  play.notes.on_settled = [&] {
    ++settlements;
    play.keeper.tell_applied();
    CHECK_FALSE(play.hear(MessageType::applied));
  };
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied), [&] { play.terminate(); }},
  });
  CHECK(settlements == 1);
}

TEST_CASE("keeper: once it has left, nothing that a prober said before it was killed is heeded") {
  Play play;
  play.has_commands = true;
  play.table.add_foreign("192.0.2.2/32");
  const int code = play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept_with(1, {Wish::hold, Wish::hold});
         play.want(2, {Wish::announce, Wish::hold});
       }},
      {[&] { return !play.failures.empty(); }, [] {}},
      // The runner has hooks to bring to their end.
      {[&] { return play.state() == '-'; }, [&] { kill(play.runner.pid(), SIGKILL); }},
  });
  CHECK(code == kConfiguration);
  CHECK(play.table.take_done().empty());
}

TEST_CASE("keeper: what must not be announced refuses the start, and a reload") {
  Play play;
  play.objections = {"link eth0 must not be set down: the default route goes through it"};
  SUBCASE("start") {
    CHECK(play.keeper.run() == kConfiguration);
    CHECK(play.failures == play.objections);
    CHECK(play.children.empty());
  }
  SUBCASE("reload") {
    const auto objections = std::exchange(play.objections, {});
    const int code = play.run({
        first_accepts(play),
        {play.hears(MessageType::applied),
         [&] {
           play.objections = objections;
           play.say({MessageType::reload, 1, 2, {}});
         }},
        {[&] { return play.reads >= 2; },
         [&] {
           CHECK_FALSE(play.hear(MessageType::configuration));
           CHECK(play.table.has("192.0.2.1/32"));
           play.terminate();
         }},
        {[&] { return true; }, [&] { kill(play.children.front(), SIGKILL); }},
    });
    CHECK(code == 0);
  }
}
