#include "core/control_client.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/control_server.hpp"
#include "core/control_socket.hpp"
#include "core/daemon_process.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;
using End = ControlAnswer::End;

namespace {

constexpr ControlPatience kShort{.look = 10ms, .silence = 200ms};

// Daemons as far as a client sees them: sockets and pid files in a folder, and children that serve.
struct House {
  House() {
    std::string name = std::filesystem::temp_directory_path() / "anyprobe-control-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~House() {
    for (const pid_t child : children) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
    sockets.clear();
    std::filesystem::remove_all(folder);
  }

  int listen(const std::string& instance) {
    auto socket = ControlSocket::open(folder, instance);
    REQUIRE(socket);
    sockets.push_back(std::move(socket).value());
    return sockets.back()->get();
  }
  pid_t child(const std::function<void()>& work) {
    const pid_t pid = fork();
    if (pid == 0) {
      work();
      pause();
      _exit(0);
    }
    children.push_back(pid);
    return pid;
  }
  // A prober that answers all with this.
  pid_t serve(const std::string& instance, const ControlReply& reply) {
    const int socket = listen(instance);
    return child([=] {
      EventLoop loop;
      ControlServer server(loop, [&](const ControlRequest&) { return reply; });
      server.listen(Descriptor(dup(socket)));
      loop.run();
    });
  }
  void write_pid(const std::string& instance, const std::string& text) const {
    std::ofstream(folder + "/" + instance + ".pid") << text << '\n';
  }
  ControlAnswer ask(const std::string& instance, ControlPatience patience = kShort) const {
    return ask_instances(folder, {instance}, {"status", {}}, patience).at(0);
  }
  static void await_state(pid_t pid, ProcessState state) {
    const auto end = Clock::now() + 10s;
    while (process_state(pid) != state && Clock::now() < end) usleep(1000);
    REQUIRE(process_state(pid) == state);
  }

  std::string folder;
  std::vector<std::unique_ptr<ControlSocket>> sockets;
  std::vector<pid_t> children;
};

}  // namespace

TEST_CASE("control client: many are asked at once, each answer is at its place") {
  House house;
  house.serve("a", {true, std::string(3'000'000, 'x')});
  house.serve("b", {false, "not now"});
  house.listen("silent");
  house.listen("mute");
  const auto begun = Clock::now();
  const auto answers = ask_instances(house.folder, {"a", "silent", "b", "mute", "none"}, {"status", {}},
                                     {.look = 10ms, .silence = 2s});
  REQUIRE(answers.size() == 5);
  CHECK(answers[0].instance == "a");
  CHECK(answers[0].end == End::answered);
  CHECK(answers[0].text == std::string(3'000'000, 'x'));
  CHECK(answers[1].end == End::hangs);
  CHECK(answers[2].end == End::refused);
  CHECK(answers[2].text == "not now");
  CHECK(answers[3].end == End::hangs);
  CHECK(answers[4].end == End::vanished);
  CHECK(Clock::now() - begun < 3900ms);  // and not one after the other
  CHECK(ask_instances(house.folder, {}, {"status", {}}).empty());
}

TEST_CASE(
    "control client: one that is stopped is told from one that hangs, and that from one being replaced") {
  House house;
  const auto pid = house.serve("dns", {true, "fine"});
  house.write_pid("dns", std::to_string(pid));
  CHECK(house.ask("dns", {.look = 10ms, .silence = 10s}).end == End::answered);

  kill(pid, SIGSTOP);
  house.await_state(pid, ProcessState::stopped);
  auto answer = house.ask("dns", {.look = 10ms, .silence = 10s});
  CHECK(answer.end == End::suspended);
  CHECK(answer.pid == pid);
  kill(pid, SIGCONT);
  CHECK(house.ask("dns", {.look = 10ms, .silence = 10s}).end == End::answered);

  house.listen("mute");
  const auto mute = house.child([] {});
  house.write_pid("mute", std::to_string(mute));
  answer = house.ask("mute");
  CHECK(answer.end == End::hangs);
  CHECK(answer.pid == mute);

  kill(mute, SIGKILL);
  house.await_state(mute, ProcessState::gone);  // not buried yet
  CHECK(house.ask("mute").end == End::headless);
  house.write_pid("mute", "nobody");
  answer = house.ask("mute");
  CHECK(answer.end == End::hangs);
  CHECK_FALSE(answer.pid);
}

TEST_CASE("control client: where the prober is gone, a keeper that is stopped is to be resumed") {
  House house;
  const auto keeper = house.child([&] { house.listen("dns"); });
  auto first = house.ask("dns").end;
  for (const auto end = Clock::now() + 10s; first != End::hangs && Clock::now() < end;)
    first = house.ask("dns").end;
  REQUIRE(first == End::hangs);
  kill(keeper, SIGSTOP);
  house.await_state(keeper, ProcessState::stopped);
  const auto answer = house.ask("dns", {.look = 10ms, .silence = 10s});
  CHECK(answer.end == End::suspended);
  CHECK(answer.pid == keeper);
  const auto prober = house.child([] {});
  house.write_pid("dns", std::to_string(prober));
  CHECK(house.ask("dns").end == End::hangs);  // it is the prober that says nothing
}

TEST_CASE("control client: one whose backlog is full hangs, and is asked once there is room") {
  House house;
  const int socket = house.listen("dns");
  std::vector<Descriptor> waiting;
  for (;;) {
    const auto place = SocketFile::at(house.folder, "dns.sock");
    REQUIRE(place);
    Descriptor one(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (connect(one.get(), place->address(), SocketFile::size()) != 0) break;
    waiting.push_back(std::move(one));
    REQUIRE(waiting.size() < 1000);
  }
  CHECK(house.ask("dns").end == End::hangs);
  house.child([=] {
    usleep(100'000);  // the client has been turned away by then
    EventLoop loop;
    ControlServer server(loop, [](const ControlRequest&) { return ControlReply{true, "fine"}; });
    server.listen(Descriptor(dup(socket)));
    loop.run();
  });
  CHECK(house.ask("dns", {.look = 10ms, .silence = 10s}).end == End::answered);
}

TEST_CASE("control client: what cannot be a socket's name cannot be asked") {
  House house;
  house.listen("dns");
  CHECK(house.ask(std::string(200, 'n')).end == End::failed);
}

TEST_CASE("the state of a process, whatever its name is") {
  using State = ProcessState;
  CHECK(parse_process_state("42 (dns-probe) S 1 42 42 0") == State::runs);
  CHECK(parse_process_state("42 (dns-probe) T 1 42 42 0") == State::stopped);
  CHECK(parse_process_state("42 (a) T (b) R 1 42 42 0") == State::runs);
  CHECK(parse_process_state("42 (dns-probe) Z 1") == State::gone);
  CHECK(parse_process_state("42 (dns-probe) t 1") == State::runs);  // a debugger has it
  CHECK(parse_process_state("42 (dns-probe) ") == State::runs);
  CHECK(parse_process_state("nonsense") == State::runs);
  CHECK(process_state(getpid()) == State::runs);
}

TEST_CASE("pid files") {
  House house;
  const auto read = [&](const std::string& text) {
    house.write_pid("x", text);
    return read_pid_file(house.folder + "/x.pid");
  };
  CHECK(read("4242") == 4242);
  for (const char* text : {"", "0", "-1", "x", "42x", "99999999999"}) CHECK_FALSE(read(text));
  CHECK_FALSE(read_pid_file(house.folder + "/none.pid"));
}
