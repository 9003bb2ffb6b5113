// The exec probe on commands that run in this process' own way, and what their ends mean.
#include "probes/exec_probe.hpp"

#include <doctest/doctest.h>

#include "asking.hpp"
#include "core/local_commands.hpp"
#include "probes/exec_judge.hpp"

using namespace anyprobe;
using namespace anyprobe::test;
using namespace std::chrono_literals;
using End = CommandResult::End;

namespace {

struct Exec {
  explicit Exec(std::vector<std::string> words, const std::string& more = {}) {
    CommandTable table;
    table.max_running = 1;
    table.commands = {{{"test", "probe.command"}, words, "", 20s, false},
                      {{"test", "busy"}, {"/bin/sleep", "1000"}, "", 20s, false}};
    commands.use(std::move(table));
    std::string list;
    for (const auto& word : words) list += (list.empty() ? "\"" : ", \"") + word + "\"";
    json = R"({"command": [)" + list + "]" + more + "}";
  }
  Result ask() {
    Asking it(loop, json, kExecProbe, &commands);
    return it.wait();
  }

  EventLoop loop;
  LocalCommands commands{loop};
  std::string json;
};

Result plugin(int code, const std::string& more = {}) {
  return Exec({"/usr/lib/nagios/plugins/check_dummy", std::to_string(code), "hello"}, more).ask();
}

std::string error_of(const std::string& options) {
  const auto lines = errors_of("{" + options + "}", kExecProbe);
  CHECK(lines.size() == 1);
  return lines.empty() ? "" : lines.front();
}

}  // namespace

TEST_CASE("the codes of a real plugin") {
  auto result = plugin(0);
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.reason == "ok");
  CHECK(result.detail == "OK: hello");
  result = plugin(1);
  CHECK(result.verdict == Verdict::pass);
  CHECK(result.reason == "warning");
  result = plugin(1, R"(, "warning": "fail")");
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "warning");
  result = plugin(2);
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "critical");
  CHECK(result.detail == "CRITICAL: hello");
  result = plugin(3);
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "unknown");
}

TEST_CASE("other ends of a command") {
  auto result = Exec({"/bin/sh", "-c", "echo was here; exit 4"}).ask();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "exit_code");
  CHECK(result.detail == "exit code 4: was here");
  result = Exec({"/bin/sh", "-c", "kill -ABRT $$"}).ask();
  CHECK(result.verdict == Verdict::fail);
  CHECK(result.reason == "signal");
  CHECK(result.detail == "killed by SIGABRT");
  result = Exec({"/nonexistent/check"}).ask();
  CHECK(result.verdict == Verdict::local_error);
  CHECK(result.reason == "not_started");
  CHECK(result.detail == "No such file or directory");
}

TEST_CASE("the first line is told, without performance data and control characters") {
  const auto detail = [](const std::string& text) {
    return judge_command({End::exited, 0, text}, true).detail;
  };
  CHECK(detail("TCP OK - 0.001 second|time=0.001s;;;0\nmore\n") == "TCP OK - 0.001 second");
  CHECK(detail("  \x1b[31mred\x1b[0m \r\nmore") == "?[31mred?[0m");
  CHECK(detail("") == "it says nothing");
  CHECK(detail("|only=1") == "it says nothing");
  CHECK(detail(std::string(4096, 'x')) == std::string(200, 'x') + "...");
  CHECK(judge_command({End::overdue, 0, "still\n"}, true).detail == "killed at its deadline: still");
  for (int code = 4; code < 256; ++code)
    CHECK(judge_command({End::exited, code, ""}, true).verdict == Verdict::fail);
}

TEST_CASE("a command that runs owes its end; one that has no slot was not asked") {
  Exec it({"/bin/sleep", "1000"});
  Asking running(it.loop, it.json, kExecProbe, &it.commands);
  CHECK(running.wait_until([&] { return running.waiting_for() == R"("/bin/sleep" has not ended)"; }));
  CHECK(running.asked());
  Asking waiting(it.loop, it.json, kExecProbe, &it.commands);
  CHECK(waiting.wait_until([&] { return waiting.waiting_for() == "not started: 1 command runs already"; }));
  CHECK_FALSE(waiting.asked());
  running.cancel();
  CHECK(waiting.wait_until([&] { return waiting.asked(); }));
  waiting.cancel();
}

TEST_CASE("options of an exec probe") {
  CHECK(errors_of(R"({"command": "true"})", kExecProbe).empty());
  CHECK(errors_of(R"({"command": ["/bin/sh", "", "-c"], "warning": "fail"})", kExecProbe).empty());
  CHECK(error_of("").find(R"(lacks "command")") != std::string::npos);
  CHECK(error_of(R"("command": [])").find("command: is an empty list") != std::string::npos);
  CHECK(error_of(R"("command": "")").find(R"(command: "" is no program)") != std::string::npos);
  CHECK(error_of(R"("command": ["bin/true"])").find(R"(command: "bin/true" is no program)") !=
        std::string::npos);
  CHECK(error_of(R"("command": ["true", 1])").find("command[1]: 1 is no text") != std::string::npos);
  CHECK(error_of(R"("command": "true", "warning": "ok")").find("is none of pass, fail") != std::string::npos);
}
