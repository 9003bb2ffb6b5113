#include "core/listener.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "core/log.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

SocketAddress port_of(int socket) {
  sockaddr_storage place{};
  socklen_t length = sizeof place;
  REQUIRE(getsockname(socket, reinterpret_cast<sockaddr*>(&place), &length) == 0);
  return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&place));
}

bool listens(int fd) {
  int on = 0;
  socklen_t length = sizeof on;
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &length) == 0 && on == 1;
}

}  // namespace

TEST_CASE("listener: a port that is taken is a problem until it is free") {
  EventLoop loop;
  int changes = 0;
  Listener listener(loop, "the agent", [&] { ++changes; });
  auto other = listen_at(SocketAddress{*IpAddress::parse("127.0.0.1"), 0});
  REQUIRE(other);
  const auto place = port_of(other->get());
  listener.want(place);
  CHECK(listener.get() < 0);
  CHECK(listener.problem() == "the agent cannot listen at " + place.to_string() + ": Address already in use");
  CHECK(changes == 1);

  std::move(other).value().reset();
  Timer late(loop, [&] { loop.stop(); });
  late.start(10s);
  Timer look(loop, [&] { listener.get() >= 0 ? loop.stop() : look.start(10ms); });
  look.start(10ms);
  loop.run();
  CHECK(listens(listener.get()));
  CHECK(listener.problem().empty());
  CHECK(changes == 2);

  const int before = listener.get();
  listener.want(place);
  CHECK(listener.get() == before);
  listener.want(std::nullopt);
  CHECK(listener.get() < 0);
  CHECK(changes == 3);
}
