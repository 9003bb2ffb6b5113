// What is withdrawn by hand, and as planned: what the keeper makes of it.
#include "keeper_play.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

std::vector<Keeper::ServiceOf> services() {
  return {{"first", ProberPart::built_in}, {"second", ProberPart::modules}, {"third", ProberPart::built_in}};
}

}  // namespace

TEST_CASE("keeper: what lingers is told, and withdrawn when it is over") {
  Play play;
  play.linger = 50ms;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.notes.take();
         play.want(2, {Wish::linger, Wish::announce});
       }},
      {[&] { return !play.table.has("192.0.2.1/32"); },
       [&] {
         CHECK(play.notes.take() == Words{"192.0.2.1/32 lingering"});
         CHECK(play.table.there.routes.size() == 1);
       }},
      {[&] { return play.table.there.routes.empty(); },
       [&] {
         CHECK(play.notes.take() == Words{"192.0.2.1/32 withdrawn"});
         CHECK(play.table.has("192.0.2.2/32"));
         play.terminate();
       }},
  });
}

TEST_CASE("keeper: at the end nothing lingers that a prober left lingering") {
  Play play;
  play.linger = 1h;
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.want(2, {Wish::linger, Wish::linger});
       }},
      {[&] { return play.table.there.routes.size() == 2; }, [&] { play.terminate(); }},
  });
  CHECK(play.table.there.routes.empty());
  CHECK(play.table.there.addresses.empty());
}

TEST_CASE("keeper: which services are drained is kept, and told to the next prober") {
  Play play;
  play.services = services();
  play.drained = {"third", "long gone"};
  play.run({
      {[&] {
         const auto message = play.hear(MessageType::configuration);
         return message &&
                unpack_circumstances(message->body)->drained == std::vector<bool>{false, false, true};
       },
       [&] {
         play.accept(1, {true, true});
       }},
      {play.hears(MessageType::applied),
       [&] {
         // It has no say in what modules ask.
         play.say({MessageType::drained, 1, 0, pack_drained({true, true, false})});
       }},
      {[&] {
         return play.drained == std::set<std::string>{"first", "long gone"};
       },
       [&] { kill(play.pid(), SIGKILL); }},
      {[&] {
         const auto message = play.hear(MessageType::configuration);
         return message &&
                unpack_circumstances(message->body)->drained == std::vector<bool>{true, false, false};
       },
       [&] { play.terminate(); }},
  });
}

TEST_CASE("keeper: what is no list of the services that there are drains none") {
  Play play;
  play.services = services();
  play.run({
      first_accepts(play),
      {play.hears(MessageType::applied),
       [&] {
         play.say({MessageType::drained, 1, 0, pack_drained({true, true, true, true})});
         play.say({MessageType::drained, 1, 0, "\1\1\7"});
         play.say({MessageType::drained, 2, 0, pack_drained({true, true, true})});
         play.say({MessageType::drained, 1, 0, pack_drained({false, false, true})});
       }},
      {[&] { return !play.drained.empty(); },
       [&] {
         CHECK(play.drained == std::set<std::string>{"third"});
         play.terminate();
       }},
  });
}
