// What a prober may have FRR asked: the keeper's side.
#include "keeper_play.hpp"
#include "played_vty.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using anyprobe::test::PlayedVty;

namespace {

Message question(std::uint32_t serial, FrrQuestion which, std::uint32_t place, std::uint32_t generation = 1) {
  return {MessageType::ask, generation, serial, pack_inquiry({which, place})};
}

}  // namespace

TEST_CASE("keeper: a prober names a question and a place, and gets the replies as they are") {
  std::vector<std::string> heard;
  const PlayedVty vty([&](const PlayedVty&, int socket) {
    for (int i = 0; i < 4; ++i) {
      heard.push_back(PlayedVty::hear(socket));
      PlayedVty::say(socket, PlayedVty::end());
    }
  });
  Play play;
  play.vty_dir = vty.folder();
  std::optional<Message> answer;
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {false, false});
       }},
      {play.hears(MessageType::applied), [&] { play.say(question(7, FrrQuestion::ospf_prefix, 1)); }},
      {[&] {
         answer = play.hear(MessageType::answer);
         return answer.has_value();
       },
       [&] { play.terminate(); }},
  });
  REQUIRE(answer);
  CHECK(answer->serial == 7);
  CHECK(unpack_answer(answer->body)->end == FrrAnswer::End::answered);
  CHECK(heard == std::vector<std::string>{"enable", "show ip ospf database external 192.0.2.2 json",
                                          "show ip ospf database nssa-external 192.0.2.2 json",
                                          "show ip ospf database summary 192.0.2.2 json"});
}

TEST_CASE(
    "keeper: a question by a place that there is not, or of another configuration, is told to be stale") {
  Play play;
  play.vty_dir = "/nonexistent";
  play.configured.push_back(on_lo("2001:db8::1/128"));
  std::vector<std::pair<std::uint32_t, FrrAnswer::End>> answers;
  play.run({
      {play.hears(MessageType::configuration),
       [&] {
         play.accept(1, {false, false, false});
       }},
      {play.hears(MessageType::applied),
       [&] {
         play.say({MessageType::ask, 1, 1, "\7....."});
         play.say({MessageType::ask, 1, 2, {}});
         play.say(question(3, FrrQuestion::ospf_prefix, 3));
         play.say(question(4, FrrQuestion::ospf_prefix, 2));  // IPv6
         play.say(question(5, FrrQuestion::ospf_state, 0, 2));
         play.say(question(6, FrrQuestion::ospf6_state, 9));
       }},
      {[&] {
         while (const auto message = play.hear(MessageType::answer))
           answers.emplace_back(message->serial, unpack_answer(message->body)->end);
         return answers.size() >= 4;
       },
       [&] { play.terminate(); }},
  });
  using End = FrrAnswer::End;
  CHECK(answers == std::vector<std::pair<std::uint32_t, End>>{
                       {3, End::stale}, {4, End::stale}, {5, End::stale}, {6, End::absent}});
}

TEST_CASE("questions and answers survive the way, and nothing else is one") {
  for (const auto which : {FrrQuestion::ospf_prefix, FrrQuestion::ospf_state, FrrQuestion::ospf6_state}) {
    const auto packed = pack_inquiry({which, 4711});
    CHECK(unpack_inquiry(packed).value() == FrrInquiry{which, 4711});
    for (std::size_t size = 0; size < packed.size(); ++size)
      CHECK_FALSE(unpack_inquiry(packed.substr(0, size)));
    CHECK_FALSE(unpack_inquiry(packed + "x"));
  }
  CHECK_FALSE(unpack_inquiry(std::string("\3\0\0\0\0", 5)));
  const auto answer = unpack_answer(pack_answer({FrrAnswer::End::failed, std::string(5000, 'x')}));
  REQUIRE(answer);
  CHECK(answer->end == FrrAnswer::End::failed);
  CHECK(answer->why == std::string(300, 'x'));
  CHECK_FALSE(unpack_answer(""));
  CHECK_FALSE(unpack_answer("\4"));
}
