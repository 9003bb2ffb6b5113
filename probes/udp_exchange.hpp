// Datagrams to and from one server over a connected socket, so that the kernel drops what comes from anybody
// else and tells of a refusal. Shared by the probes that ask over UDP; knows nothing of what an answer means.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "core/address.hpp"
#include "core/event_loop.hpp"

namespace anyprobe {

struct UdpTarget {
  SocketAddress server;
  std::optional<IpAddress> source;
  std::string device;  // empty: none
};

// What kept it from going on: see judge_failure in failure.hpp.
struct UdpFailure {
  const char* call = nullptr;
  int error = 0;
  bool local = false;  // it failed on this host, before anything could have come back
};

// A socket that is connected to the target, or what kept it from being made (then `fd` is -1).
struct UdpSocket {
  int fd = -1;
  UdpFailure failure;
};
// The caller closes it.
UdpSocket open_udp_socket(const UdpTarget& target);

class UdpExchange {
 public:
  using Octets = std::span<const std::uint8_t>;
  // Given each datagram that comes, empty ones too; it is valid during the call. True: go on receiving.
  using Received = std::function<bool(Octets datagram)>;
  // Called at most once, perhaps inside send(); the socket is closed then.
  using Failed = std::function<void(const UdpFailure&)>;

  // The target outlives the exchange. In neither callback may the exchange be destroyed.
  UdpExchange(EventLoop& loop, const UdpTarget& target, Received received, Failed failed);
  ~UdpExchange();  // cancels, calls nothing
  UdpExchange(const UdpExchange&) = delete;
  UdpExchange& operator=(const UdpExchange&) = delete;

  // Opens the socket and sends nothing, so that local_address() is known before the first datagram is made.
  void connect();
  // The first call opens the socket; further ones send from the same port. Nothing after the end. A full send
  // buffer drops the datagram in silence, as the network may.
  void send(Octets datagram);
  void close();

  [[nodiscard]] bool open() const { return fd_ >= 0; }
  // The address and port it asks from, once it is open.
  [[nodiscard]] std::optional<SocketAddress> local_address() const;

 private:
  bool open_socket();
  bool fail(const char* call, int error, bool local);
  void receive();

  const UdpTarget& target_;
  Received received_;
  Failed failed_;
  bool ended_ = false;
  int fd_ = -1;
  Io io_;
};

// What a datagram may carry.
inline constexpr std::size_t kUdpReadMost = 65535;

}  // namespace anyprobe
