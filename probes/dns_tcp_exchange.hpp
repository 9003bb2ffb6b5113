// One DNS query to one server over TCP, carried by c-ares on sockets of our own making, so that each failure
// of a system call is seen.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>

#include "core/event_loop.hpp"
#include "probes/dns_target.hpp"

namespace anyprobe {

class DnsChannel;

class DnsTcpExchange {
 public:
  // Called once, perhaps inside start(), with c-ares on the stack: the exchange may not be destroyed in it.
  // What it throws comes out of start() or of the event loop.
  using Done = std::function<void(const DnsOutcome&)>;

  // The target outlives the exchange.
  DnsTcpExchange(EventLoop& loop, const DnsTarget& target, Done done);
  ~DnsTcpExchange();  // cancels, calls nothing
  DnsTcpExchange(const DnsTcpExchange&) = delete;
  DnsTcpExchange& operator=(const DnsTcpExchange&) = delete;

  // A whole message of one question, which outlives the exchange. There is no deadline.
  void start(std::span<const std::uint8_t> query);

  // Octets that came and were not the answer.
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
  ssize_t receive(int fd, void* data, std::size_t size) noexcept;
  bool configure_socket(int fd) noexcept;
  void note_failure(const char* call, int error, bool local) noexcept;

  const DnsTarget& target_;
  Done done_;
  std::unique_ptr<DnsChannel> channel_;  // opens and closes the descriptor
  int fd_ = -1;
  Io io_;

  DnsOutcome failure_;
  std::size_t read_past_ = 0;
  bool finished_ = false;
  std::exception_ptr thrown_;
};

}  // namespace anyprobe
