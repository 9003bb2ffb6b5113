#include "core/command_pool.hpp"
#include "turning.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace anyprobe;
using namespace std::chrono_literals;
using End = CommandResult::End;

namespace {

struct Pool {
  explicit Pool(std::size_t most = 4) : pool(loop, children, most) {}

  CommandPool::Ticket start(std::vector<std::string> words, Duration deadline = 20s) {
    return start(CommandOrder{std::move(words), {}, std::nullopt}, deadline);
  }
  CommandPool::Ticket start(CommandOrder order, Duration deadline = 20s) {
    return pool.start(std::move(order), deadline,
                      {.queued = [this](std::size_t running) { queued.push_back(running); },
                       .started = [this] { ++started; },
                       .done = [this](const CommandResult& result) { results.push_back(result); }});
  }
  // Runs the loop until the condition holds.
  bool wait_until(const std::function<bool()>& condition) { return turn_until(loop, condition); }
  CommandResult run(std::vector<std::string> words, Duration deadline = 20s) {
    results.clear();
    start(std::move(words), deadline);
    CHECK(wait_until([&] { return !results.empty(); }));
    return results.empty() ? CommandResult{} : results.front();
  }
  CommandResult shell(const std::string& script, Duration deadline = 20s) {
    return run({"/bin/sh", "-c", script}, deadline);
  }

  EventLoop loop;
  Children children{loop};
  CommandPool pool;
  std::vector<std::size_t> queued;
  std::size_t started = 0;
  std::vector<CommandResult> results;
};

bool gone(pid_t pid) {
  return kill(pid, 0) != 0;
}

pid_t number_in(const std::filesystem::path& path) {
  pid_t out = 0;
  std::ifstream(path) >> out;
  return out;
}

struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "anyprobe-pool-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
    std::filesystem::permissions(path, std::filesystem::perms::all);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("a command's end and its output are told") {
  Pool it;
  auto result = it.run({"/bin/true"});
  CHECK(result.end == End::exited);
  CHECK(result.number == 0);
  CHECK(result.text.empty());
  CHECK(it.run({"false"}).number == 1);  // found in the fixed PATH
  result = it.shell("echo one; echo two >&2; exit 7");
  CHECK(result.number == 7);
  CHECK(result.text == "one\ntwo\n");
  CHECK(result.to_string() == "exit code 7");
  result = it.shell("echo before; kill -SEGV $$");
  CHECK(result.end == End::signalled);
  CHECK(result.to_string() == "killed by SIGSEGV");
  CHECK(result.text == "before\n");
  CHECK(it.pool.idle());
}

TEST_CASE("arguments arrive as they are: there is no shell") {
  Pool it;
  CHECK(it.run({"printf", "%s|", "$HOME `id` ; *", "", "two words"}).text == "$HOME `id` ; *||two words|");
}

TEST_CASE("output is cut at 4 KiB, and read to the end") {
  Pool it;
  const auto result = it.run({"/bin/sh", "-c", "head -c 3000000 /dev/zero; exit 3"});
  CHECK(result.number == 3);
  CHECK(result.text.size() == kLargestOutput);
}

TEST_CASE("a program that cannot be executed is named by what the kernel says") {
  Pool it;
  CHECK(it.run({"/nonexistent/program"}).to_string() == "not started: No such file or directory");
  CHECK(it.run({"no-such-program-anywhere"}).to_string() == "not started: No such file or directory");
  CHECK(it.run({"/etc"}).to_string() == "not started: Permission denied");
  CHECK(it.run({"/etc/passwd"}).to_string() == "not started: Permission denied");
  // An exit code of its own is not taken for that.
  CHECK(it.shell("exit 127").to_string() == "exit code 127");
}

TEST_CASE("a command starts from a clean slate") {
  const Folder folder;
  setenv("LD_LIBRARY_PATH", "/somewhere", 1);
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  sigprocmask(SIG_BLOCK, &usr1, nullptr);
  Pool it;
  it.start(CommandOrder{{"/usr/bin/env"}, {"ANYPROBE_SERVICE=dns"}, std::nullopt});
  CHECK(it.wait_until([&] { return !it.results.empty(); }));
  CHECK(it.results.front().text == "PATH=" + std::string(kCommandPath) + "\nLANG=C\nANYPROBE_SERVICE=dns\n");
  const auto said =
      it.shell(
            "pwd; umask; readlink /proc/self/fd/0; ls /proc/$$/fd; ps -o pgid=,sid= -p $$ | tr -s ' ' '\\n'; "
            "echo $$; exec grep -E '^Sig(Blk|Ign)' /proc/self/status")
          .text;
  sigprocmask(SIG_UNBLOCK, &usr1, nullptr);
  unsetenv("LD_LIBRARY_PATH");
  CAPTURE(said);
  CHECK(said.starts_with("/\n0022\n/dev/null\n0\n1\n2\n"));
  CHECK(said.find("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n") != std::string::npos);
  std::istringstream words(said.substr(said.find("2\n", 12) + 2));
  pid_t group = 0, session = 0, self = -1;
  words >> group >> session >> self;
  CHECK(group == self);
  CHECK(session == self);
}

TEST_CASE("a command runs as its user, with that user's groups alone") {
  if (geteuid() != 0) return;
  Pool it;
  it.start(CommandOrder{{"/usr/bin/id"}, {}, RunAs{65534, 65534, {65534, 12}}});
  CHECK(it.wait_until([&] { return !it.results.empty(); }));
  CHECK(it.results.front().text == "uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup),12(man)\n");
}

TEST_CASE("at the deadline the whole group is killed") {
  const Folder folder;
  Pool it;
  const auto pids = folder.path / "pids";
  const auto result = it.shell("sleep 1000 & echo $! > " + pids.string() + "; echo still here; wait", 300ms);
  CHECK(result.end == End::overdue);
  CHECK(result.text == "still here\n");
  const auto grandchild = number_in(pids);
  REQUIRE(grandchild > 0);
  CHECK(it.wait_until([&] { return gone(grandchild) && it.pool.idle(); }));
}

TEST_CASE("what is cancelled is killed with its group, and calls nobody") {
  const Folder folder;
  Pool it;
  const auto pids = folder.path / "pids";
  const auto ticket = it.start({"/bin/sh", "-c", "sleep 1000 & echo $! > " + pids.string() + "; wait"});
  CHECK(it.wait_until([&] { return number_in(pids) > 0; }));
  it.pool.cancel(ticket);
  CHECK(it.wait_until([&] { return gone(number_in(pids)) && it.pool.idle(); }));
  CHECK(it.results.empty());
  it.pool.cancel(ticket);  // again, and long gone
}

TEST_CASE("what a command leaves in its group goes with it") {
  const Folder folder;
  Pool it;
  const auto pids = folder.path / "pids";
  const auto result = it.shell("sleep 1000 & echo $! > " + pids.string() + "; exit 0");
  CHECK(result.number == 0);
  CHECK(it.wait_until([&] { return gone(number_in(pids)); }));
}

TEST_CASE("who leaves the group with the pipe in hand holds nobody up") {
  const Folder folder;
  Pool it;
  const auto pids = folder.path / "pids";
  const auto result = it.shell("setsid sleep 1000 & echo $! > " + pids.string() + "; echo done");
  CHECK(result.text == "done\n");
  const auto escaped = number_in(pids);
  REQUIRE(escaped > 0);
  kill(escaped, SIGKILL);
}

TEST_CASE("no more run at once than may") {
  Pool it(2);
  std::vector<CommandPool::Ticket> tickets;
  for (int i = 0; i < 4; ++i) tickets.push_back(it.start({"/bin/sleep", "1000"}));
  CHECK(it.wait_until([&] { return it.queued.size() == 2; }));
  CHECK(it.started == 2);
  CHECK(it.queued == std::vector<std::size_t>{2, 2});
  it.pool.cancel(tickets[2]);  // one that waits
  it.pool.cancel(tickets[0]);  // one that runs: its slot goes to the next
  CHECK(it.wait_until([&] { return it.started == 3; }));
  it.pool.set_most(3);
  it.start({"/bin/true"});
  CHECK(it.wait_until([&] { return it.results.size() == 1; }));
  it.pool.cancel(tickets[1]);
  it.pool.cancel(tickets[3]);
  CHECK(it.wait_until([&] { return it.pool.idle(); }));
}

TEST_CASE("a pool that goes takes its commands with it") {
  const Folder folder;
  const auto pids = folder.path / "pids";
  pid_t command = 0;
  {
    Pool it;
    it.start({"/bin/sh", "-c", "echo $$ > " + pids.string() + "; sleep 1000"});
    CHECK(it.wait_until([&] { return number_in(pids) > 0; }));
    command = number_in(pids);
  }
  int status = 0;
  CHECK(waitpid(command, &status, 0) == command);
  CHECK(gone(command));
}
