// The runner and the prober's end of its socket, in one loop; the keeper is played by the test.
#include "core/runner_process.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/packet_socket.hpp"
#include "core/runner_client.hpp"
#include "turning.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using Type = RunnerMessageType;

namespace {

CommandSpec command(std::string place, std::vector<std::string> words, bool hook = false,
                    std::string user = "nobody") {
  return {{"dns", std::move(place)}, std::move(words), std::move(user), 100s, hook};
}

struct Lab {
  Lab() {
    std::string name = std::filesystem::temp_directory_path() / "anyprobe-runner-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    std::filesystem::permissions(folder, std::filesystem::perms::all);
    auto pair = make_socket_pair();
    keeper = std::move(pair.one);
    runner.emplace(loop, std::move(pair.other),
                   RunnerProcess::Handlers{[](const LogSettings&) {}, [this] { finished = true; }});
  }
  ~Lab() { std::filesystem::remove_all(folder); }

  void say(Type type, std::uint32_t generation, int descriptor = -1) const {
    RunnerMessage message;
    message.type = type;
    message.generation = generation;
    REQUIRE(send_packet(keeper.get(), encode(message), descriptor));
  }
  // What the keeper does for a configuration, and the prober then.
  void configure(std::uint32_t generation, std::vector<CommandSpec> commands) {
    CommandTable table;
    table.commands = std::move(commands);
    table.max_running = 2;
    say(Type::table, generation, memory_file("table", pack_table(table)).get());
    client.expect(generation);
    client.use(table);
  }
  void join() {
    auto pair = make_socket_pair();
    say(Type::prober, 0, pair.one.get());
    client.connect(std::move(pair.other));
  }
  bool wait_until(const std::function<bool()>& condition) { return turn_until(loop, condition); }
  CommandResult run(const std::string& place) {
    std::optional<CommandResult> result;
    const auto running = client.start({"dns", place}, [&](const CommandResult& got) { result = got; });
    CHECK(wait_until([&] { return result.has_value(); }));
    return result.value_or(CommandResult{});
  }
  [[nodiscard]] std::string file(const std::string& name) const {
    std::ifstream in(folder / name);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }
  // Notes the pid of a process that goes on.
  [[nodiscard]] std::vector<std::string> lasting(const std::string& name) const {
    return {"/bin/sh", "-c", "echo $$ > " + (folder / name).string() + "; exec sleep 1000"};
  }
  [[nodiscard]] bool runs(const std::string& name) const {
    const auto pid = std::atoi(file(name).c_str());
    return pid > 0 && kill(pid, 0) == 0;
  }

  EventLoop loop;
  std::filesystem::path folder;
  Descriptor keeper;
  bool finished = false;
  std::optional<RunnerProcess> runner;
  RunnerClient client{loop};
};

}  // namespace

TEST_CASE("runner: a command of the table is run as its user, and its end comes back") {
  Lab lab;
  lab.join();
  lab.configure(1, {command("probe.command", {"/bin/sh", "-c", "id -un; echo $ANYPROBE_SERVICE; exit 2"})});
  const auto result = lab.run("probe.command");
  CHECK(result.to_string() == "exit code 2");
  CHECK(result.text == (geteuid() == 0 ? "nobody\ndns\n" : result.text));
  CHECK(lab.run("probes[7].command").to_string() == "not started: there is no such command");
}

TEST_CASE("runner: a user that is not there is said at the start of its command") {
  if (geteuid() != 0) return;
  Lab lab;
  lab.join();
  lab.configure(1, {command("probe.command", {"true"}, false, "no-such-user")});
  CHECK(lab.run("probe.command").to_string() == "not started: there is no user \"no-such-user\"");
}

TEST_CASE("runner: a prober that was taken over can run nothing that is not configured") {
  Lab lab;
  lab.configure(1, {command("probe.command", {"/usr/bin/touch", (lab.folder / "probe").string()}),
                    command("on_up", {"/usr/bin/touch", (lab.folder / "hook").string()}, true)});
  auto pair = make_socket_pair();
  lab.say(Type::prober, 0, pair.one.get());
  const auto send = [&](Type type, std::uint32_t generation, std::uint32_t id, std::uint32_t number,
                        std::uint8_t detail = 0, std::string text = {}) {
    RunnerMessage message;
    message.type = type;
    message.generation = generation;
    message.id = id;
    message.number = number;
    message.detail = detail;
    message.text = std::move(text);
    REQUIRE(send_packet(pair.other.get(), encode(message)));
  };
  send(Type::run, 1, 1, 2);            // beyond the table
  send(Type::run, 2, 2, 0);            // of a configuration there is not
  send(Type::run, 1, 3, 1);            // a hook is none of a probe's
  send(Type::hook, 1, 0, 0, 1, "ok");  // nor the other way round
  send(Type::hook, 1, 0, 1, 7, "ok");
  send(Type::hook, 1, 0, 1, 1, "a\nPATH=/tmp");
  send(Type::table, 3, 0, 0);
  send(Type::prober, 0, 0, 0);
  send(Type::finished, 0, 1, 0, 0, "x");
  send(Type::cancel, 0, 99, 0);
  REQUIRE(send_packet(pair.other.get(), "nonsense"));
  send(Type::run, 1, 4, 0);
  std::vector<std::uint32_t> ended;
  CHECK(lab.wait_until([&] {
    const auto packet = receive_packet(pair.other.get(), kLargestRunnerMessage);
    const auto message = decode_runner_message(packet.octets);
    if (message && message->type == Type::finished) {
      ended.push_back(message->id);
      CHECK(message->text == (message->id == 4 ? "" : "there is no such command"));
    }
    return ended.size() >= 4;
  }));
  CHECK(ended == std::vector<std::uint32_t>{1, 2, 3, 4});
  CHECK(std::filesystem::exists(lab.folder / "probe"));
  CHECK_FALSE(std::filesystem::exists(lab.folder / "hook"));
}

TEST_CASE("runner: a command that is not wanted any more, and those of a prober that is gone, are killed") {
  Lab lab;
  lab.join();
  lab.configure(1, {command("one", lab.lasting("one")), command("two", lab.lasting("two"))});
  auto one = lab.client.start({"dns", "one"}, [](const CommandResult&) { CHECK(false); });
  bool told = false;
  auto two = lab.client.start({"dns", "two"}, [&](const CommandResult& result) {
    CHECK(result.to_string() == "not started: the runner is gone");
    told = true;
  });
  CHECK(lab.wait_until([&] { return lab.runs("one") && lab.runs("two") && one->started(); }));
  one.reset();
  CHECK(lab.wait_until([&] { return !lab.runs("one"); }));
  CHECK(lab.runs("two"));
  lab.join();
  CHECK(told);
  CHECK(lab.wait_until([&] { return !lab.runs("two"); }));
}

TEST_CASE("runner: one that waits for a slot says so") {
  Lab lab;
  lab.join();
  lab.configure(1, {command("probe.command", {"/bin/sleep", "1000"})});
  lab.say(Type::in_force, 1);
  const auto nobody = [](const CommandResult&) { CHECK(false); };
  const CommandName name{"dns", "probe.command"};
  auto one = lab.client.start(name, nobody), two = lab.client.start(name, nobody);
  auto three = lab.client.start(name, nobody);
  CHECK(lab.wait_until([&] { return three->waits_for() == "2 commands run already"; }));
  CHECK_FALSE(three->started());
  one.reset();
  CHECK(lab.wait_until([&] { return three->started(); }));
}

TEST_CASE("runner: through a reload a command keeps its name, and has what the new table says") {
  Lab lab;
  lab.join();
  lab.configure(1, {command("probe.command", {"echo", "old"})});
  lab.say(Type::in_force, 1);
  CHECK(lab.run("probe.command").text == "old\n");
  lab.configure(2, {{{"aaa", "probe.command"}, {"echo", "other"}, "nobody", 20s, false},
                    command("probe.command", {"echo", "new"})});
  CHECK(lab.run("probe.command").text == "new\n");
  lab.say(Type::in_force, 2);
  lab.client.expect(1);  // as if the keeper had said otherwise
  CommandTable old;
  old.commands = {command("probe.command", {"echo", "old"})};
  lab.client.use(old);
  CHECK(lab.run("probe.command").to_string() == "not started: there is no such command");
}

TEST_CASE(
    "runner: hooks of a service run one after another, with what changed, and to their end without us") {
  Lab lab;
  lab.join();
  const auto log = (lab.folder / "log").string();
  const auto script = "echo $ANYPROBE_SERVICE $ANYPROBE_STATE $ANYPROBE_REASON $1 >> " + log +
                      "; sleep 0.1; echo end >> " + log;
  lab.configure(1, {command("on_up", {"/bin/sh", "-c", script, "sh", "word"}, true),
                    command("on_down", {"/bin/sh", "-c", script, "sh", "word"}, true)});
  lab.client.run_hook({"dns", "on_up"}, HookState::up, "ok");
  lab.client.run_hook({"dns", "on_down"}, HookState::down, "not a slug");
  lab.client.run_hook({"dns", "nothing"}, HookState::down, "ok");
  CHECK(lab.wait_until([&] { return !lab.file("log").empty(); }));
  lab.client.connect(Descriptor());
  lab.keeper.reset();
  CHECK(lab.wait_until([&] { return lab.finished; }));
  CHECK(lab.file("log") == "dns up ok word\nend\ndns down not_a_slug word\nend\n");
}

TEST_CASE("runner: without a hook it ends with the keeper, and takes the probes' commands along") {
  Lab lab;
  lab.join();
  lab.configure(1, {command("one", lab.lasting("one"))});
  auto one = lab.client.start({"dns", "one"}, [](const CommandResult&) {});
  CHECK(lab.wait_until([&] { return lab.runs("one"); }));
  lab.keeper.reset();
  CHECK(lab.wait_until([&] { return lab.finished && !lab.runs("one"); }));
}
