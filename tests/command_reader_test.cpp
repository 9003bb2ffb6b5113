// What the configuration says of commands, as keeper and prober read it.
#include "core/command_reader.hpp"

#include <doctest/doctest.h>

#include "core/config.hpp"
#include "core/config_reader.hpp"
#include "core/runner_message.hpp"
#include "probes/builtin.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

struct Loaded {
  explicit Loaded(const std::string& json, bool as_keeper = false) {
    const auto document = parse_document("anyprobe.json", json);
    REQUIRE(document);
    ConfigContext context;
    context.loop = as_keeper ? nullptr : &loop;
    context.plugins = &plugins;
    const std::vector<ConfigDocument> documents{*document};
    config = load_config(documents, context, errors);
  }
  EventLoop loop;
  PluginTable plugins{builtin_probes()};
  ConfigErrors errors;
  Config config;
};

constexpr const char* kSeveral = R"({
  "user": "nobody", "max_running": 5, "log": { "level": "debug" },
  "defaults": { "on_down": ["logger", "down"], "timeout": "300ms" },
  "services": [
    { "name": "dns", "probe": { "type": "dns" }, "advertise": [ { "address": "192.0.2.1/32" } ] },
    { "name": "both", "exec_user": "root", "on_up": "logger", "hook_timeout": "2s",
      "probes": [ { "type": "exec", "command": ["true", "", "-x"] }, { "type": "dns" },
                  { "type": "exec", "command": "/bin/false" } ],
      "advertise": [ { "address": "192.0.2.2/32" } ] } ] })";

}  // namespace

TEST_CASE("keeper and prober come to the same table of commands") {
  const Loaded prober(kSeveral);
  const Loaded keeper(kSeveral, true);
  CHECK(prober.errors.lines().empty());
  CHECK(keeper.errors.lines().empty());
  CHECK(pack_table(prober.config.commands) == pack_table(keeper.config.commands));
  const auto& table = keeper.config.commands;
  CHECK(table.max_running == 5);
  CHECK(table.log.level == LogLevel::debug);
  std::vector<std::string> said;
  for (const auto& command : table.commands) {
    said.push_back(command.name.to_string() + " " + command.words.front() + " " + command.user + " " +
                   std::to_string(command.deadline.count()) + (command.hook ? " hook" : ""));
  }
  CHECK(said == std::vector<std::string>{
                    "dns: on_down logger nobody 30000 hook", "both: probes[0].command true root 1300",
                    "both: probes[2].command /bin/false root 1300", "both: on_up logger root 2000 hook",
                    "both: on_down logger root 2000 hook"});
  CHECK(table.commands[1].words == std::vector<std::string>{"true", "", "-x"});
}

TEST_CASE("a configuration without commands has an empty table") {
  const Loaded it(R"({"services": [{"name": "dns", "probe": {"type": "dns"},
                      "advertise": [{"address": "192.0.2.1/32"}]}]})",
                  true);
  CHECK(it.config.commands.commands.empty());
}

TEST_CASE("what a default says wrongly of commands is said once, and not to the keeper") {
  const std::string text =
      R"({"defaults": {"on_up": "/nowhere/hook", "exec_user": "no-such-user"}, "services": [
    {"name": "a", "probe": {"type": "dns"}, "advertise": [{"address": "192.0.2.1/32"}]},
    {"name": "b", "probe": {"type": "dns"}, "advertise": [{"address": "192.0.2.2/32"}]}]})";
  CHECK(Loaded(text).errors.lines() ==
        std::vector<std::string>{"anyprobe.json: defaults.on_up: \"/nowhere/hook\" is not there",
                                 "anyprobe.json: defaults.exec_user: there is no user \"no-such-user\""});
  CHECK(Loaded(text, true).errors.empty());
}
