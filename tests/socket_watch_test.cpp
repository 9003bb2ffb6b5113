// Against the real kernel.
#include "routing/socket_watch.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "core/descriptor.hpp"
#include "network_namespace.hpp"
#include "routing/link_watch.hpp"
#include "routing/local_address.hpp"

using namespace anyprobe;
using namespace std::chrono_literals;

namespace {

Descriptor open_socket(const char* ip, std::uint16_t port, int type, bool reuse = false) {
  const SocketAddress at{*IpAddress::parse(ip), port};
  Descriptor out(socket(at.ip.socket_family(), type | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (reuse) REQUIRE(setsockopt(out.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
  REQUIRE(setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
  sockaddr_storage address;
  const auto length = at.to_sockaddr(address);
  REQUIRE(bind(out.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
  if (type == SOCK_STREAM) REQUIRE(listen(out.get(), 16) == 0);
  return out;
}

struct Ear {
  explicit Ear(std::set<std::uint16_t> ports) { watch.watch(ports); }

  // What is told until something matches, or for `most`.
  bool hears(const ClosedSocket& wanted, Duration most = 10s) {
    const auto end = Clock::now() + most;
    Timer look(loop, [this] { loop.stop(); });
    while (Clock::now() < end) {
      for (const auto& each : told) {
        if (each == wanted) return true;
      }
      look.start(5ms);
      loop.run();
    }
    return false;
  }

  NetworkNamespace alone;
  EventLoop loop;
  std::vector<ClosedSocket> told;
  int lost = 0;
  std::string deaf;
  SocketWatch watch{loop,
                    {.closed = [this](const ClosedSocket& closed) { told.push_back(closed); },
                     .lost = [this] { ++lost; },
                     .deaf = [this](const std::string& why) { deaf = why; }}};
};

ClosedSocket closed(const char* ip, std::uint16_t port, Protocol protocol) {
  return {protocol, {*IpAddress::parse(ip), port}};
}

// Messages that the sockets of this namespace had no room for (the ninth column).
int dropped() {
  std::ifstream file("/proc/thread-self/net/netlink");
  std::string line;
  std::getline(file, line);
  int all = 0;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 8; ++i) words >> word;
    int one = 0;
    words >> one;
    all += one;
  }
  return all;
}

}  // namespace

TEST_CASE("socket watch: sockets that close are told of") {
  Ear ear({8053});
  REQUIRE(ear.deaf == "");
  for (const char* ip : {"127.0.0.1", "::1", "0.0.0.0", "::"}) {
    CAPTURE(ip);
    open_socket(ip, 8053, SOCK_STREAM);
    CHECK(ear.hears(closed(ip, 8053, Protocol::tcp)));
    open_socket(ip, 8053, SOCK_DGRAM);
    CHECK(ear.hears(closed(ip, 8053, Protocol::udp)));
  }
}

TEST_CASE("socket watch: neither other ports nor those who are connected") {
  Ear ear({8053});
  open_socket("127.0.0.1", 8054, SOCK_DGRAM);
  {
    const auto listener = open_socket("127.0.0.1", 8053, SOCK_STREAM);
    const Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const auto length = SocketAddress{*IpAddress::parse("127.0.0.1"), 8053}.to_sockaddr(address);
    REQUIRE(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0);
    const Descriptor server(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(server.get() >= 0);
  }
  CHECK(ear.hears(closed("127.0.0.1", 8053, Protocol::tcp)));
  CHECK(ear.told.size() == 1);
}

TEST_CASE("socket watch: other ports than before") {
  Ear ear({8053});
  ear.watch.watch({8054});
  open_socket("127.0.0.1", 8053, SOCK_DGRAM);
  open_socket("127.0.0.1", 8054, SOCK_DGRAM);
  CHECK(ear.hears(closed("127.0.0.1", 8054, Protocol::udp)));
  CHECK(ear.told.size() == 1);
}

TEST_CASE("socket watch: it says that some were lost") {
  Ear ear({8053});
  const auto end = Clock::now() + 60s;
  // The kernel tells from a thread of its own, later, so how many it takes depends on the machine.
  while (dropped() == 0 && Clock::now() < end) {
    for (int i = 0; i < 100; ++i) open_socket("127.0.0.1", 8053, SOCK_DGRAM);
  }
  REQUIRE(dropped() > 0);
  bool goes_on = false;
  while (!goes_on && Clock::now() < end) {
    open_socket("127.0.0.1", 8053, SOCK_STREAM);
    goes_on = ear.hears(closed("127.0.0.1", 8053, Protocol::tcp), 100ms);
  }
  CHECK(ear.lost > 0);
  CHECK(goes_on);
}

TEST_CASE("local address: as the kernel routes it") {
  const NetworkNamespace alone;
  REQUIRE(ip({"addr", "add", "192.0.2.7/24", "dev", "lo"}).status == 0);
  REQUIRE(ip({"addr", "add", "192.0.2.8/24", "dev", "lo"}).status == 0);
  REQUIRE(ip({"addr", "add", "2001:db8::7/64", "dev", "lo", "nodad"}).status == 0);
  // Of IPv6 the kernel makes the route in a thread of its own, after the address.
  const auto end = Clock::now() + 10s;
  for (const std::string mine : {"127.0.0.1", "127.3.2.1", "::1", "192.0.2.7", "192.0.2.8", "2001:db8::7"}) {
    CAPTURE(mine);
    bool local = false;
    while (!(local = is_local_address(*IpAddress::parse(mine))) && Clock::now() < end) continue;
    CHECK(local);
  }
  for (const std::string other : {"198.51.100.1", "2001:db8:1::1"}) {
    CAPTURE(other);
    CHECK_FALSE(is_local_address(*IpAddress::parse(other)));
  }
}

TEST_CASE("link watch: an interface that goes down, loses its carrier or is gone") {
  const NetworkNamespace alone;
  REQUIRE(ip({"link", "add", "va", "type", "veth", "peer", "name", "vb"}).status == 0);
  REQUIRE(ip({"link", "set", "va", "up"}).status == 0);
  REQUIRE(ip({"link", "set", "vb", "up"}).status == 0);
  EventLoop loop;
  std::vector<std::string> down;
  const LinkWatch watch(loop, [&](const std::string& name) { down.push_back(name); });
  const auto run_until = [&](std::size_t count) {
    Timer look(loop, [&] { loop.stop(); });
    for (const auto end = Clock::now() + 10s; down.size() < count && Clock::now() < end;) {
      look.start(5ms);
      loop.run();
    }
    return down.size();
  };
  REQUIRE(ip({"link", "set", "vb", "down"}).status == 0);  // va loses its carrier with it
  CHECK(run_until(2) == 2);
  CHECK(std::set<std::string>(down.begin(), down.end()) == std::set<std::string>{"va", "vb"});
  REQUIRE(ip({"link", "set", "vb", "up"}).status == 0);
  REQUIRE(ip({"link", "del", "va"}).status == 0);
  CHECK(run_until(4) >= 3);
}
