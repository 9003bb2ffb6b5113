// One DNS query to one server over one transport, carried by c-ares on sockets of our own making, so that
// each failure of a system call is seen. Knows nothing of what an answer means.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/event_loop.hpp"

namespace anyprobe {

struct DnsTarget {
  SocketAddress server;
  bool tcp = false;
  std::optional<IpAddress> source;
  std::string device;
};

// What an exchange came to: a reply, or what kept it from coming.
struct DnsOutcome {
  std::span<const std::uint8_t> reply{};  // valid during the call

  const char* call = nullptr;  // "connect": what failed; null where there is a reply
  int error = 0;               // errno; 0: the server closed the connection
  bool local = false;          // it failed on this host, before anything could have come back
};

class DnsChannel;

class DnsExchange {
 public:
  // Called once, perhaps inside start(), with c-ares on the stack: the exchange may not be destroyed in it.
  // What it throws comes out of start() or of the event loop.
  using Done = std::function<void(const DnsOutcome&)>;

  // The target outlives the exchange.
  DnsExchange(EventLoop& loop, const DnsTarget& target, Done done);
  ~DnsExchange();  // cancels, calls nothing
  DnsExchange(const DnsExchange&) = delete;
  DnsExchange& operator=(const DnsExchange&) = delete;

  // A whole message of one question, which outlives the exchange. There is no deadline.
  void start(std::span<const std::uint8_t> query);

  // Packets (over TCP: octets) that came and were not the answer.
  [[nodiscard]] std::size_t read_past() const { return read_past_; }

 private:
  friend class DnsChannel;

  void on_ready(int events);
  void watch(int fd, bool readable, bool writable);
  void answered(int status, std::span<const std::uint8_t> reply) noexcept;
  void finish(const DnsOutcome& outcome) noexcept;
  void rethrow();

  // What c-ares calls in place of the system calls of these names.
  int open_socket(int family, int type) noexcept;
  int connect_socket(int fd, const sockaddr* server, socklen_t length) noexcept;
  ssize_t send(int fd, const iovec* parts, int count) noexcept;
  ssize_t receive(int fd, void* data, std::size_t size, sockaddr* from, socklen_t* from_length) noexcept;
  bool configure_socket(int fd) noexcept;
  void note_failure(const char* call, int error, bool local) noexcept;

  const DnsTarget& target_;
  Done done_;
  std::unique_ptr<DnsChannel> channel_;  // opens and closes the descriptor
  int fd_ = -1;
  Io io_;

  std::span<const std::uint8_t> query_;
  std::span<const std::uint8_t> datagram_;  // the one that c-ares is being handed
  std::optional<std::vector<std::uint8_t>> bare_reply_;
  DnsOutcome failure_;
  std::size_t read_past_ = 0;
  bool finished_ = false;
  std::exception_ptr thrown_;
};

}  // namespace anyprobe
