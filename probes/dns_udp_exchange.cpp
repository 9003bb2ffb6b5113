#include "probes/dns_udp_exchange.hpp"

#include <utility>

#include "probes/dns_port.hpp"

namespace anyprobe {

DnsUdpExchange::DnsUdpExchange(DnsPorts& ports, const DnsTarget& target, Done done)
    : ports_(ports), target_(target), done_(std::move(done)) {}

DnsUdpExchange::~DnsUdpExchange() {
  if (port_ != nullptr) port_->leave(*this);
}

void DnsUdpExchange::start(std::span<const std::uint8_t> query) {
  query_ = query;
  DnsOutcome failure;
  port_ = ports_.take(target_, failure);
  if (port_ == nullptr) return finish(failure);
  strays_before_ = port_->strays();
  port_->ask(*this);
}

std::size_t DnsUdpExchange::read_past() const {
  return port_ == nullptr ? read_past_ : port_->strays() - strays_before_;
}

void DnsUdpExchange::finish(const DnsOutcome& outcome) {
  read_past_ = read_past();
  // It may be the last that holds the port, whose memory the reply is not in.
  const auto port = std::exchange(port_, nullptr);
  done_(outcome);
}

}  // namespace anyprobe
