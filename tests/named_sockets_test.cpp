#include "core/named_sockets.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "turning.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

constexpr SocketKind kDoor{"no metrics can be asked: ", "metrics can be asked at ", LogLevel::warning, false,
                           10ms};

struct House {
  House() {
    std::string name = std::filesystem::temp_directory_path() / "anyprobe-door-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~House() { std::filesystem::remove_all(folder); }

  [[nodiscard]] WebAddress path(const std::string& name) const {
    return WebAddress::parse(folder + "/" + name).value();
  }
  bool wait_until(const std::function<bool()>& condition) { return turn_until(loop, condition); }

  EventLoop loop;
  std::string folder;
  int changes = 0;
  NamedSocket door{loop, kDoor, [this] { ++changes; }};
};

std::uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  REQUIRE(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&address)).port;
}

bool listens(int fd) {
  int on = 0;
  socklen_t length = sizeof on;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &length) == 0 && on == 1;
}

}  // namespace

TEST_CASE("the door opens where it is wanted, and what stays is not touched") {
  House house;
  house.door.want(std::nullopt);
  CHECK(house.changes == 0);
  house.door.want(house.path("metrics.sock"));
  CHECK(house.changes == 1);
  const int first = house.door.get();
  REQUIRE(first >= 0);
  struct stat there {};
  REQUIRE(stat((house.folder + "/metrics.sock").c_str(), &there) == 0);
  CHECK((there.st_mode & 0777) == 0660);
  house.door.want(house.path("metrics.sock"));
  CHECK(house.changes == 1);
  CHECK(house.door.get() == first);
  house.door.want(house.path("other.sock"));
  CHECK(house.changes == 2);
  CHECK_FALSE(std::filesystem::exists(house.folder + "/metrics.sock"));
  CHECK(std::filesystem::exists(house.folder + "/other.sock"));
  house.door.want(std::nullopt);
  CHECK(house.changes == 3);
  CHECK(house.door.get() == -1);
  CHECK(std::filesystem::is_empty(house.folder));
}

TEST_CASE("a door that is taken is a problem, until it is free") {
  House house;
  auto other = std::make_unique<NamedSocket>(house.loop, kDoor, [] {});
  SUBCASE("a path") {
    other->want(house.path("metrics.sock"));
  }
  SUBCASE("a port") {
    // The kernel chooses one, which is then free.
    Descriptor any(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    const SocketAddress here{IpAddress::parse("127.0.0.1").value(), 0};
    REQUIRE(bind(any.get(), reinterpret_cast<const sockaddr*>(&address), here.to_sockaddr(address)) == 0);
    const auto port = port_of(any.get());
    any.reset();
    other->want(WebAddress::parse("127.0.0.1:" + std::to_string(port)).value());
  }
  REQUIRE(other->get() >= 0);
  house.door.want(WebAddress::parse(other->opened().where).value());
  CHECK(house.door.get() == -1);
  CHECK(house.changes == 1);
  CHECK(house.door.problem() ==
        "no metrics can be asked: " + other->opened().where + ": Address already in use");
  CHECK(other->get() >= 0);
  other.reset();
  CHECK(house.wait_until([&] { return house.door.get() >= 0; }));
  CHECK(house.door.problem().empty());
  CHECK(house.changes == 2);
}

TEST_CASE("what a dead one left is replaced, what is no socket is not") {
  House house;
  const auto path = house.folder + "/metrics.sock";
  {
    const auto place = SocketFile::at(house.folder, "metrics.sock");
    const Descriptor dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(bind(dead.get(), place->address(), SocketFile::size()) == 0);
  }
  house.door.want(house.path("metrics.sock"));
  CHECK(house.door.get() >= 0);
  house.door.want(std::nullopt);
  std::filesystem::create_directory(path);
  house.door.want(house.path("metrics.sock"));
  CHECK(house.door.problem().find("File exists") != std::string::npos);
  CHECK(std::filesystem::is_directory(path));
  house.door.want(house.path("absent/metrics.sock"));
  CHECK(house.door.problem().find("No such file") != std::string::npos);
}

TEST_CASE("the sockets of all names: each is told of by its name") {
  EventLoop loop;
  std::vector<SocketName> changes;
  NamedSockets sockets(loop, [&](SocketName name) { changes.push_back(name); });
  auto other = listen_at(SocketAddress{*IpAddress::parse("127.0.0.1"), 0});
  REQUIRE(other);
  const auto place = "127.0.0.1:" + std::to_string(port_of(other->get()));
  const auto where = WebAddress::parse(place).value();
  const auto agent = [&] { return sockets.opened(SocketName::agent); };
  sockets.want({std::nullopt, where});
  CHECK(agent().fd < 0);
  CHECK(sockets.problems() ==
        std::vector<std::string>{"the agent cannot listen at " + place + ": Address already in use"});
  CHECK(changes == std::vector{SocketName::agent});

  std::move(other).value().reset();
  REQUIRE(turn_until(loop, [&] { return agent().fd >= 0; }));
  CHECK(listens(agent().fd));
  CHECK(agent().where == place);
  CHECK(sockets.problems().empty());
  CHECK(changes.size() == 2);

  const int before = agent().fd;
  sockets.want({std::nullopt, where});
  CHECK(agent().fd == before);
  // It moves from one name to the other; who is asked first is refused, and asks again.
  sockets.want({where, std::nullopt});
  CHECK(agent().fd < 0);
  CHECK(agent().where.empty());
  CHECK(changes.size() == 4);
  CHECK(sockets.problems() ==
        std::vector<std::string>{"no metrics can be asked: " + place + ": Address already in use"});
  sockets.want({});
  CHECK(sockets.problems().empty());
  CHECK(changes.size() == 5);
}
