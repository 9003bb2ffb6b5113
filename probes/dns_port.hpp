// UDP sockets to name servers. To one on loopback all exchanges go by one socket, which is kept for a minute
// at most: whoever could guess its port is on this host. To any other server each exchange has a socket, and
// so a port, of its own (RFC 5452, section 9.2).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/event_loop.hpp"
#include "probes/dns_target.hpp"
#include "probes/dns_udp_exchange.hpp"

namespace anyprobe {

// A socket that is connected to one server, so that the kernel drops what comes from anybody else and tells
// of a refusal. A refusal is of the server, so that it ends every exchange that waits.
class DnsPort : public std::enable_shared_from_this<DnsPort> {
 public:
  explicit DnsPort(EventLoop& loop);
  ~DnsPort();
  DnsPort(const DnsPort&) = delete;
  DnsPort& operator=(const DnsPort&) = delete;

  // What failed, else an outcome without `call`.
  [[nodiscard]] DnsOutcome open(const DnsTarget& target);

  // Sends the query of the exchange, which waits from then on until it is finished or leaves.
  void ask(DnsUdpExchange& exchange);
  void leave(DnsUdpExchange& exchange);
  [[nodiscard]] std::size_t strays() const { return strays_; }
  // It is of use to further exchanges.
  [[nodiscard]] bool well(TimePoint now) const;

 private:
  void read();
  void take(std::span<const std::uint8_t> datagram);
  void fail_all(const DnsOutcome& outcome);
  [[nodiscard]] std::size_t chain_of(std::span<const std::uint8_t> message) const;
  void grow();

  int fd_ = -1;
  TimePoint opened_{};
  std::optional<TimePoint> failed_;      // first
  std::vector<DnsUdpExchange*> chains_;  // of those that wait, by the id of their query
  std::size_t waiting_ = 0;
  std::size_t strays_ = 0;
  Io io_;
};

// Those of one event loop.
class DnsPorts {
 public:
  explicit DnsPorts(EventLoop& loop) : loop_(loop) {}

  // One that is open, or null: then `failure` says why.
  std::shared_ptr<DnsPort> take(const DnsTarget& target, DnsOutcome& failure);

 private:
  std::shared_ptr<DnsPort> open(const DnsTarget& target, DnsOutcome& failure);
  void drop_old(TimePoint now);

  EventLoop& loop_;
  std::map<DnsTarget, std::shared_ptr<DnsPort>> kept_;
  TimePoint looked_{};
};

}  // namespace anyprobe
