// A port that the kernel may choose for us is also one that a service may have listened on: where the two are
// the same, we ask ourselves. In a network namespace that has no other ports to choose from.
#include <doctest/doctest.h>

#include <array>
#include <fstream>
#include <optional>

#include "core/event_loop.hpp"
#include "network_namespace.hpp"
#include "probes/tcp_exchange.hpp"
#include "probes/udp_exchange.hpp"

using namespace anyprobe;

namespace {

constexpr int kTimes = 30;
constexpr std::array<std::uint8_t, 1> kOctet{7};

// The kernel chooses one of two, so that some of these meet themselves, and some do not.
struct TwoPorts {
  TwoPorts() { std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "40000 40001"; }

  NetworkNamespace alone;
  EventLoop loop;
};

}  // namespace

TEST_CASE("a datagram that would come back to ourselves is refused") {
  TwoPorts ports;
  for (const char* server : {"127.0.0.1", "::1"}) {
    const UdpTarget target{*SocketAddress::parse(server, 40000), std::nullopt, {}};
    for (int i = 0; i < kTimes; ++i) {
      std::optional<int> error;
      UdpExchange exchange(
          ports.loop, target,
          [&](UdpExchange::Octets) {
            error = 0;
            return false;
          },
          [&](const UdpFailure& failure) { error = failure.error; });
      exchange.send(kOctet);
      while (!error) ev_run(ports.loop.raw(), EVRUN_ONCE);
      CHECK(*error == ECONNREFUSED);
    }
  }
}

TEST_CASE("a connection with ourselves is refused") {
  TwoPorts ports;
  const TcpTarget target{*SocketAddress::parse("127.0.0.1", 40000), std::nullopt, {}};
  for (int i = 0; i < kTimes; ++i) {
    std::optional<int> error;
    TcpExchange exchange(ports.loop, target, [&](const TcpOutcome& outcome) {
      error = outcome.end == TcpOutcome::End::failed ? outcome.error : 0;
    });
    exchange.start({}, nullptr);
    while (!error) ev_run(ports.loop.raw(), EVRUN_ONCE);
    CHECK(*error == ECONNREFUSED);
  }
}
