// One TCP connection: made, said something on, and read from until it is enough, with more said in between if
// need be. Shared by the probes that
// ask over TCP; knows nothing of what an answer means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/event_loop.hpp"

namespace anyprobe {

struct TcpTarget {
  SocketAddress server;
  std::optional<IpAddress> source;
  std::string device;  // empty: none
};

// A socket from which the target can be asked, not yet connected.
struct TcpSocket {
  int fd = -1;
  const char* call = nullptr;  // without one: what failed, here
  int error = 0;               // and its errno
};

// The descriptor is the caller's.
TcpSocket open_tcp_socket(const TcpTarget& target);

// What an exchange came to.
struct TcpOutcome {
  enum class End : std::uint8_t {
    connected,  // and everything was sent, with nothing to read
    enough,
    too_much,  // kTcpReadMost octets came and were not enough
    failed,
  };

  End end = End::connected;
  const char* call = nullptr;  // "connect": what failed
  int error = 0;               // its errno; 0: the server closed the connection
  bool local = false;          // it failed on this host, before anything could have come back
};

inline constexpr std::size_t kTcpReadMost = 65536;

class TcpExchange {
 public:
  using Octets = std::span<const std::uint8_t>;
  // Given all that came so far, after each piece: whether to stop reading. Called at least once.
  using Enough = std::function<bool(Octets received)>;
  // Called once, perhaps inside start() or look(); the connection is closed then. The exchange may not be
  // destroyed in it, nor in Enough.
  using Done = std::function<void(const TcpOutcome&)>;

  // The target outlives the exchange.
  TcpExchange(EventLoop& loop, const TcpTarget& target, Done done);
  ~TcpExchange();  // cancels, calls nothing
  TcpExchange(const TcpExchange&) = delete;
  TcpExchange& operator=(const TcpExchange&) = delete;

  // `send` (may be empty) outlives the exchange. Without `enough` nothing is read. There is no deadline. With
  // neither, the connection is taken back before the server's program has seen it: its kernel has answered,
  // and that is what was asked.
  void start(Octets send, Enough enough = nullptr);
  // Takes what has happened to the connection already, without waiting for the event loop to say so.
  void look();
  // Inside Enough, or before look(): says more, after what is still unsent. The octets are copied.
  void say(Octets more);

  // The address and port it asks from, once start() has returned.
  [[nodiscard]] std::optional<SocketAddress> local_address() const;
  [[nodiscard]] bool connected() const { return connected_; }  // so it was, once
  [[nodiscard]] Octets received() const { return received_; }  // stays after the end
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  bool open();
  bool connect();
  bool check_connected();
  bool is_connected();
  bool read();
  bool write();
  void proceed();
  void finish(const TcpOutcome& outcome);
  bool fail(const char* call, int error, bool local);
  void close();

  const TcpTarget& target_;
  Done done_;
  Enough enough_;
  int fd_ = -1;
  Io io_;
  Octets unsent_;
  std::vector<std::uint8_t> more_;  // what unsent_ is a part of, once say() was called
  std::vector<std::uint8_t> received_;
  bool connected_ = false;
  bool only_connects_ = false;
  bool finished_ = false;
};

}  // namespace anyprobe
