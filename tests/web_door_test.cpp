#include "core/web_door.hpp"
#include "turning.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

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
  WebDoor door{loop, [this] { ++changes; }, 10ms};
};

std::uint16_t port_of(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  REQUIRE(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&address)).port;
}

}  // namespace

TEST_CASE("the door opens where it is wanted, and what stays is not touched") {
  House house;
  house.door.want(std::nullopt);
  CHECK(house.changes == 0);
  house.door.want(house.path("metrics.sock"));
  CHECK(house.changes == 1);
  const int first = house.door.socket();
  REQUIRE(first >= 0);
  struct stat there {};
  REQUIRE(stat((house.folder + "/metrics.sock").c_str(), &there) == 0);
  CHECK((there.st_mode & 0777) == 0660);
  house.door.want(house.path("metrics.sock"));
  CHECK(house.changes == 1);
  CHECK(house.door.socket() == first);
  house.door.want(house.path("other.sock"));
  CHECK(house.changes == 2);
  CHECK_FALSE(std::filesystem::exists(house.folder + "/metrics.sock"));
  CHECK(std::filesystem::exists(house.folder + "/other.sock"));
  house.door.want(std::nullopt);
  CHECK(house.changes == 3);
  CHECK(house.door.socket() == -1);
  CHECK(std::filesystem::is_empty(house.folder));
}

TEST_CASE("a door that is taken is a problem, until it is free") {
  House house;
  auto other = std::make_unique<WebDoor>(house.loop, [] {});
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
  REQUIRE(other->socket() >= 0);
  house.door.want(other->where());
  CHECK(house.door.socket() == -1);
  CHECK(house.changes == 1);
  CHECK(house.door.problem() ==
        "no metrics can be asked: " + other->where().to_string() + ": Address already in use");
  CHECK(other->socket() >= 0);
  other.reset();
  CHECK(house.wait_until([&] { return house.door.socket() >= 0; }));
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
  CHECK(house.door.socket() >= 0);
  house.door.want(std::nullopt);
  std::filesystem::create_directory(path);
  house.door.want(house.path("metrics.sock"));
  CHECK(house.door.problem().find("File exists") != std::string::npos);
  CHECK(std::filesystem::is_directory(path));
  house.door.want(house.path("absent/metrics.sock"));
  CHECK(house.door.problem().find("No such file") != std::string::npos);
}
