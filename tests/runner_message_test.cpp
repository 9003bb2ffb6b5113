#include "core/runner_message.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;
using namespace std::chrono_literals;
using Type = RunnerMessageType;

namespace {

RunnerMessage message(Type type, std::uint8_t detail = 0, std::string text = {}) {
  RunnerMessage out;
  out.type = type;
  out.detail = detail;
  out.generation = 7;
  out.id = 42;
  out.number = 3;
  out.text = std::move(text);
  return out;
}

bool taken(const RunnerMessage& sent) {
  const auto got = decode_runner_message(encode(sent));
  return got && encode(*got) == encode(sent);
}

CommandTable table() {
  CommandTable out;
  out.max_running = 3;
  out.log.level = LogLevel::debug;
  out.log.json = false;
  out.commands = {{{"dns", "probe.command"}, {"/bin/true", "", "two words\n"}, "nobody", 1800ms, false},
                  {{"dns", "on_down"}, {"logger"}, "", 30s, true}};
  return out;
}

}  // namespace

TEST_CASE("a runner's message survives the way") {
  const auto got = decode_runner_message(encode(message(Type::run)));
  REQUIRE(got);
  CHECK(got->type == Type::run);
  CHECK(got->generation == 7);
  CHECK(got->id == 42);
  CHECK(got->number == 3);
  for (const auto type :
       {Type::table, Type::in_force, Type::prober, Type::run, Type::cancel, Type::queued, Type::started}) {
    CHECK(taken(message(type)));
    CHECK_FALSE(taken(message(type, 1)));
    CHECK_FALSE(taken(message(type, 0, "more")));
  }
}

TEST_CASE("a hook has a state that there is, and a reason that is a slug") {
  CHECK(taken(message(Type::hook, 0, "refused")));
  CHECK(taken(message(Type::hook, 1, std::string(64, 'a'))));
  CHECK_FALSE(taken(message(Type::hook, 2, "refused")));
  for (const auto& reason : std::vector<std::string>{"", std::string(65, 'a'), "a b", "a\nB=c",
                                                     std::string("a\0b", 3), "$(x)", "\xc3\xa4"}) {
    CAPTURE(reason);
    CHECK_FALSE(taken(message(Type::hook, 0, reason)));
    CHECK(is_slug(as_slug(reason)));
  }
}

TEST_CASE("a result survives the way, and says how it was") {
  for (const auto& [result, text] : std::vector<std::pair<CommandResult, std::string>>{
           {{CommandResult::End::exited, 255, std::string("a\0\xff\n", 4)}, "exit code 255"},
           {{CommandResult::End::signalled, 9, {}}, "killed by SIGKILL"},
           {{CommandResult::End::signalled, 63, {}}, "killed by signal 63"},
           {{CommandResult::End::overdue, 0, "x"}, "killed at its deadline"},
           {{CommandResult::End::not_started, 0, "why"}, "not started: why"}}) {
    const auto got = decode_runner_message(encode(finished_message(5, result)));
    REQUIRE(got);
    CHECK(got->id == 5);
    const auto back = result_of(*got);
    CHECK(back.end == result.end);
    CHECK(back.number == result.number);
    CHECK(back.text == result.text);
    CHECK(back.to_string() == text);
  }
  CHECK_FALSE(taken(message(Type::finished, 4)));
  const auto cut = decode_runner_message(
      encode(finished_message(5, {CommandResult::End::exited, 0, std::string(100000, 'x')})));
  REQUIRE(cut);
  CHECK(cut->text.size() == kLargestOutput);
}

TEST_CASE("what is no message of a runner is refused") {
  const auto good = encode(message(Type::run));
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK_FALSE(decode_runner_message(good.substr(0, size)));
  CHECK_FALSE(decode_runner_message(std::string(14, '\0')));
  CHECK_FALSE(decode_runner_message(std::string(14, '\x0a')));
  CHECK_FALSE(decode_runner_message(std::string(kLargestRunnerMessage + 1, '\x09')));
}

TEST_CASE("a table of commands survives the way") {
  const auto packed = pack_table(table());
  const auto got = unpack_table(packed);
  REQUIRE(got);
  CHECK(pack_table(*got) == packed);
  REQUIRE(got->commands.size() == 2);
  CHECK(got->commands[0].words == table().commands[0].words);
  CHECK(got->commands[0].deadline == 1800ms);
  CHECK(got->commands[1].hook);
  CHECK(got->commands[1].name.to_string() == "dns: on_down");
  CHECK(got->max_running == 3);
  CHECK(got->log.level == LogLevel::debug);
  CHECK(got->log.json == false);
  const auto empty = unpack_table(pack_table({}));
  REQUIRE(empty);
  CHECK_FALSE(empty->log.level);
  CHECK_FALSE(empty->log.json);
}

TEST_CASE("a table that is cut short, or has a command without a program, is none") {
  const auto packed = pack_table(table());
  std::size_t taken_whole = 0;
  for (std::size_t size = 0; size < packed.size(); ++size) {
    if (unpack_table(packed.substr(0, size))) ++taken_whole;
  }
  CHECK(taken_whole == 2);  // without any command, and with the first alone
  auto wrong = table();
  wrong.commands[0].words = {};
  CHECK_FALSE(unpack_table(pack_table(wrong)));
  wrong.commands[0].words = {""};
  CHECK_FALSE(unpack_table(pack_table(wrong)));
  wrong.commands[0].words = {std::string("a\0b", 3)};
  CHECK_FALSE(unpack_table(pack_table(wrong)));
  wrong = table();
  wrong.max_running = 0;
  CHECK_FALSE(unpack_table(pack_table(wrong)));
}
