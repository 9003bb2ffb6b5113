// Two probers, one of them with the modules: each has its say in its own, and neither takes the other with
// it.
#include "keeper_play.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

constexpr const char* kPlain = "192.0.2.1/32";  // of the program's own probes
constexpr const char* kAdded = "192.0.2.2/32";  // of a module
const std::vector<ProberPart> kBoth{ProberPart::built_in, ProberPart::modules};

// Both are there and have announced what is theirs; `then` is what comes next.
struct Two : Play {
  Two() { parts = kBoth; }

  int run_on(std::vector<Step> then) {
    std::vector<Step> steps{
        {modules.hears(MessageType::configuration),
         [this] {
           modules.accept_with(1, {Wish::hold, Wish::announce});
         }},
        {hears(MessageType::configuration),
         [this] {
           accept_with(1, {Wish::announce, Wish::hold});
         }},
        {hears(MessageType::applied), [] {}},
        {hears(MessageType::beside), [] {}},
        {modules.hears(MessageType::beside),
         [this] {
           CHECK(table.has(kPlain));
           CHECK(table.has(kAdded));
           table.take_done();
         }},
    };
    steps.insert(steps.end(), then.begin(), then.end());
    return run(steps);
  }
};

}  // namespace

TEST_CASE("keeper: who has the modules judges first, and nothing is announced before all have judged") {
  Two play;
  const int code = play.run({
      {play.modules.hears(MessageType::configuration),
       [&] {
         CHECK(play.children.empty());
         play.modules.accept_with(1, {Wish::hold, Wish::announce});
       }},
      {play.hears(MessageType::configuration),
       [&] {
         CHECK(play.table.done.empty());
         CHECK(play.running.empty());
         play.accept_with(1, {Wish::announce, Wish::hold});
       }},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(play.running == play.children);  // it is the one that signals go to
         play.terminate();
       }},
  });
  CHECK(code == kDone);
  CHECK(play.table.take_done() == Words{"add 192.0.2.1/32 to lo", "add 192.0.2.2/32 to lo",
                                        "remove 192.0.2.1/32 from lo", "remove 192.0.2.2/32 from lo"});
}

TEST_CASE("keeper: a first configuration that either refuses ends the start") {
  Two play;
  bool second = false;
  SUBCASE("who has the modules") {}
  SUBCASE("the other") {
    second = true;
  }
  std::vector<Play::Step> steps;
  if (second) {
    steps = {{play.modules.hears(MessageType::configuration),
              [&] {
                play.modules.accept_with(1, {Wish::hold, Wish::announce});
              }},
             {play.hears(MessageType::configuration), [&] { play.refuse(1); }}};
  } else {
    steps = {{play.modules.hears(MessageType::configuration), [&] { play.modules.refuse(1); }}};
  }
  CHECK(play.run(steps) == kConfiguration);
  CHECK(play.failures == Words{"not so"});
  CHECK(play.table.done.empty());
}

TEST_CASE("keeper: each prober has a say in its own advertisements alone") {
  Two play;
  play.run_on({
      {[] { return true; },
       [&] {
         play.modules.want(2, {Wish::withdraw, Wish::announce});
         play.want(2, {Wish::announce, Wish::withdraw});
       }},
      {play.hears(MessageType::applied, 2), [] {}},
      {play.modules.hears(MessageType::applied, 2),
       [&] {
         CHECK(play.table.take_done().empty());
         play.modules.want(3, {Wish::announce, Wish::withdraw});
       }},
      {play.modules.hears(MessageType::applied, 3),
       [&] {
         CHECK(play.table.take_done() == Words{"remove 192.0.2.2/32 from lo"});
         play.want(3, {Wish::withdraw, Wish::announce});
       }},
      {play.hears(MessageType::applied, 3),
       [&] {
         CHECK(play.table.take_done() == Words{"remove 192.0.2.1/32 from lo"});
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a refusal by the second gives the first its old configuration back") {
  Two play;
  play.run_on({
      {[] { return true; },
       [&] {
         play.configured[0] = on_lo("192.0.2.3/32");
         play.hang_up();
       }},
      {play.modules.is_offered(2),
       [&] {
         play.modules.accept_with(2, {Wish::hold, Wish::announce});
       }},
      {play.is_offered(2), [&] { play.refuse(2); }},
      {play.modules.is_offered(1),
       [&] {
         play.modules.accept_with(1, {Wish::hold, Wish::announce});
       }},
      {[] { return true; },
       [&] {
         play.modules.want(4, {Wish::hold, Wish::withdraw});
         play.want(4, {Wish::announce, Wish::hold});
       }},
      {play.modules.hears(MessageType::applied, 4), [] {}},
      {play.hears(MessageType::applied, 4),
       [&] {
         CHECK(play.table.take_done() == Words{"remove 192.0.2.2/32 from lo"});
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: one that dies alone is started again, and the other's is not touched") {
  Two play;
  bool modules = false;
  SUBCASE("the one with the modules") {
    modules = true;
  }
  SUBCASE("the other") {}
  PlayedProber& dies = modules ? play.modules : play;
  PlayedProber& lives = modules ? play : play.modules;
  const std::vector<Wish> holds{Wish::hold, Wish::hold};
  play.run_on({
      {[] { return true; }, [&] { kill(dies.pid(), SIGKILL); }},
      {dies.is_started(2),
       [&] {
         CHECK(lives.children.size() == 1);
         CHECK_FALSE(lives.hear());
         dies.accept_with(1, {Wish::withdraw, Wish::withdraw});
       }},
      {[&] { return !play.table.has(modules ? kAdded : kPlain); },
       [&] {
         CHECK(play.table.has(modules ? kPlain : kAdded));
         CHECK(play.running.size() == (modules ? 1 : 2));
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a prober of modules that is not needed any more ends, and is not started again") {
  Two play;
  play.run_on({
      {[] { return true; },
       [&] {
         play.parts.clear();
         play.configured = {on_lo(kPlain)};
         play.hang_up();
       }},
      {play.is_offered(2), [&] { play.accept_with(2, {Wish::announce}); }},
      {[&] { return play.modules.state() == '-'; },
       [&] { CHECK(play.table.take_done() == Words{"remove 192.0.2.2/32 from lo"}); }},
      {after(300ms),
       [&] {
         CHECK(play.modules.children.size() == 1);
         CHECK(play.children.size() == 1);
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a prober of modules comes when it is needed, and goes again when that is refused") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.table.take_done();
         play.parts = kBoth;
         play.hang_up();
       }},
      {play.modules.is_offered(2), [&] { play.modules.refuse(2); }},
      {[&] { return play.modules.state() == '-'; }, [] {}},
      {after(300ms),
       [&] {
         CHECK(play.modules.children.size() == 1);
         CHECK_FALSE(play.hear(MessageType::configuration));  // it was not asked
         play.hang_up();
       }},
      {play.modules.is_offered(3),
       [&] {
         play.modules.accept_with(3, {Wish::hold, Wish::announce});
       }},
      {play.is_offered(3),
       [&] {
         play.accept_with(3, {Wish::announce, Wish::hold});
       }},
      {play.modules.hears(MessageType::applied),
       [&] {
         CHECK(play.table.take_done().empty());
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: what suspends the one prober suspends the other, and so it is with going on") {
  Two play;
  play.run_on({
      {[] { return true; },
       [&] {
         play.say({MessageType::suspended, 1, 0, {}});
         play.want(2, {Wish::withdraw, Wish::hold});
       }},
      {[&] { return play.modules.state() == 'T'; },
       [&] {
         play.say({MessageType::resumed, 1, 0, {}});
       }},
      {[&] { return play.modules.state() == 'S'; }, [&] { play.terminate(); }},
  });
}

TEST_CASE(
    "keeper: the prober of modules is suspended alone: who sends the signal to the name sends it to both") {
  Two play;
  play.run_on({
      {[] { return true; },
       [&] {
         play.modules.say({MessageType::suspended, 1, 0, {}});
         play.modules.want(2, {Wish::hold, Wish::withdraw});
       }},
      {play.modules.hears(MessageType::applied, 2),
       [&] {
         CHECK(play.state() != 'T');
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: a prober of modules that is started while the other is suspended is suspended too") {
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
         kill(play.modules.pid(), SIGKILL);
         play.say({MessageType::suspended, 1, 0, {}});
         play.want(2, {Wish::withdraw, Wish::hold});
       }},
      {[&] {
         if (play.modules.children.size() < 2) return false;
         const auto message = play.modules.hear(MessageType::configuration);
         return message && unpack_circumstances(message->body)->suspended;
       },
       [&] { play.terminate(); }},
  });
}

TEST_CASE("keeper: modules that are added while the other prober is suspended wait for it to go on") {
  Play play;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.say({MessageType::suspended, 1, 0, {}});
         play.want(2, {Wish::withdraw, Wish::withdraw});
       }},
      {play.hears(MessageType::applied, 2),
       [&] {
         play.parts = kBoth;
         play.hang_up();
       }},
      {[&] {
         const auto message = play.modules.children.empty() ? std::nullopt : play.modules.hear();
         return message && unpack_circumstances(message->body)->suspended;
       },
       [&] { play.terminate(); }},
  });
}

TEST_CASE("keeper: two deaths at once are two new probers") {
  Two play;
  play.run_on({
      {[] { return true; },
       [&] {
         kill(play.modules.pid(), SIGKILL);
         kill(play.pid(), SIGKILL);
       }},
      {play.modules.is_started(2),
       [&] {
         play.modules.accept_with(1, {Wish::hold, Wish::announce});
       }},
      {play.is_started(2),
       [&] {
         play.accept_with(1, {Wish::announce, Wish::hold});
       }},
      {play.modules.hears(MessageType::applied), [] {}},
      {play.hears(MessageType::applied),
       [&] {
         CHECK(play.notes.take() == Words{"192.0.2.1/32 announced", "192.0.2.2/32 announced"});
         play.terminate();
       }},
  });
}
