// One DNS query to one server over UDP.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "core/event_loop.hpp"
#include "probes/dns_target.hpp"

namespace anyprobe {

class DnsPort;
class DnsPorts;

class DnsUdpExchange {
 public:
  // Called once, perhaps inside start(). The exchange may not be destroyed in it.
  using Done = std::function<void(const DnsOutcome&)>;

  // The ports and the target outlive the exchange.
  DnsUdpExchange(DnsPorts& ports, const DnsTarget& target, Done done);
  ~DnsUdpExchange();  // cancels, calls nothing
  DnsUdpExchange(const DnsUdpExchange&) = delete;
  DnsUdpExchange& operator=(const DnsUdpExchange&) = delete;

  // A whole message of one question, which outlives the exchange. There is no deadline.
  void start(std::span<const std::uint8_t> query);

  // Packets that came meanwhile and were nobody's answer.
  [[nodiscard]] std::size_t read_past() const;

 private:
  friend class DnsPort;

  void finish(const DnsOutcome& outcome);

  DnsPorts& ports_;
  const DnsTarget& target_;
  Done done_;
  std::shared_ptr<DnsPort> port_;  // while it waits for an answer
  std::span<const std::uint8_t> query_;
  DnsUdpExchange* next_ = nullptr;  // in the port
  std::size_t strays_before_ = 0;
  std::size_t read_past_ = 0;  // once it is over
};

}  // namespace anyprobe
