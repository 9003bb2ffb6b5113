#include "core/survey.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <span>

#include "core/control_server.hpp"
#include "core/control_socket.hpp"
#include "turning.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

// A run-dir with daemons of this process.
struct RunDir {
  RunDir() {
    std::string name = std::filesystem::temp_directory_path() / "anyprobe-survey-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~RunDir() { std::filesystem::remove_all(path); }

  [[nodiscard]] std::unique_ptr<ControlSocket> listen(const std::string& name) const {
    auto socket = ControlSocket::open(path, name);
    REQUIRE(socket);
    return std::move(socket).value();
  }

  std::string path;
};

std::string status_of(const std::string& service) {
  InstanceStatus out;
  out.pid = 42;
  out.version = "1.0.0";
  out.services.emplace_back();
  out.services.back().name = service;
  return status_json(std::span(&out, 1), true);
}

std::vector<std::string> services_of(const Survey& told) {
  std::vector<std::string> out;
  for (const auto& instance : told.instances) {
    for (const auto& service : instance.services) out.push_back(instance.name + "/" + service.name);
  }
  return out;
}

std::string complaints_of(const Survey& told) {
  std::string out;
  for (const auto& complaint : told.complaints) out += complaint.line + "\n";
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("survey: one that says nothing keeps what it said last until it hangs, and nobody waits for it") {
  RunDir dir;
  EventLoop loop;
  std::string service = "first";
  const auto good = dir.listen("good");
  const auto moody = dir.listen("moody");
  const auto make = [&](const ControlRequest& request) {
    CHECK(request.arguments == Names{"detail"});
    return ControlReply{true, status_of(service)};
  };
  ControlServer serves(loop, make);
  serves.listen(Descriptor(dup(good->get())));
  auto other = std::make_unique<ControlServer>(loop, make);
  other->listen(Descriptor(dup(moody->get())));
  int changes = 0;
  LiveSurvey live(loop, dir.path, "detail", [&] { ++changes; }, {.look = 10ms, .silence = 2s});
  CHECK(complaints_of(live.told()).ends_with("in " + dir.path + "\n"));
  CHECK_FALSE(live.owed());
  live.ask();
  CHECK(live.owed());
  CHECK(live.told().complaints.empty());
  REQUIRE(turn_until(loop, [&] { return !live.owed(); }));
  CHECK(changes == 2);
  CHECK(services_of(live.told()) == Names{"good/first", "moody/first"});

  other.reset();
  service = "second";
  live.ask();
  REQUIRE(turn_until(loop, [&] { return changes == 3; }));
  CHECK(live.owed());
  CHECK(services_of(live.told()) == Names{"good/second", "moody/first"});
  CHECK(complaints_of(live.told()).empty());
  service = "third";
  live.ask();  // the one question that is open is enough
  REQUIRE(turn_until(loop, [&] { return changes == 4; }));
  CHECK(services_of(live.told()) == Names{"good/third", "moody/first"});
  REQUIRE(turn_until(loop, [&] { return !live.told().complaints.empty(); }));
  CHECK(complaints_of(live.told()).starts_with("moody has not answered for "));
  CHECK(services_of(live.told()) == Names{"good/third", "moody/first"});
  REQUIRE(turn_until(loop, [&] { return !live.owed(); }));
  CHECK(complaints_of(live.told()) == "moody hangs: it takes the question and says nothing\n");
  CHECK(services_of(live.told()) == Names{"good/third"});

  // And so it is told until it answers again.
  live.ask();
  REQUIRE(turn_until(loop, [&] { return changes == 6; }));
  CHECK(complaints_of(live.told()) == "moody hangs: it takes the question and says nothing\n");
  other = std::make_unique<ControlServer>(loop, make);
  other->listen(Descriptor(dup(moody->get())));
  REQUIRE(turn_until(loop, [&] { return !live.owed(); }));
  CHECK(services_of(live.told()) == Names{"good/third", "moody/third"});
  CHECK(complaints_of(live.told()).empty());
}

TEST_CASE("survey: one of an earlier version tells what it can, and who is gone is not told of") {
  RunDir dir;
  EventLoop loop;
  auto old = dir.listen("old");
  ControlServer serves(loop, [](const ControlRequest& request) {
    return request.arguments.empty() ? ControlReply{true, status_of("dns")} : ControlReply{false, "no"};
  });
  serves.listen(Descriptor(dup(old->get())));
  LiveSurvey live(loop, dir.path, "detail", [] {});
  live.ask();
  REQUIRE(turn_until(loop, [&] { return !live.owed(); }));
  CHECK(services_of(live.told()) == Names{"old/dns"});
  CHECK(complaints_of(live.told()).empty());
  live.ask();
  old.reset();
  live.ask();
  CHECK_FALSE(live.owed());
  CHECK(live.told().instances.empty());
  CHECK(complaints_of(live.told()) == "no daemon runs: there is no socket in " + dir.path + "\n");
}
