// A question asked through a proxy's relay of UDP (RFC 1928 section 7), said again now and then.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/socks_message.hpp"
#include "probes/socks_question.hpp"
#include "probes/udp_exchange.hpp"

namespace anyprobe {

class SocksRelay {
 public:
  // Called once, perhaps inside start(). The relay may not be destroyed in it.
  using Done = std::function<void(Result)>;

  SocksRelay(EventLoop& loop, UdpTarget relay, Host to, std::string name, SocksQuestionKind kind, Done done);

  void start();
  [[nodiscard]] std::string waiting_for() const;

 private:
  void send();
  bool received(SocksOctets datagram);
  // Why a datagram is not the answer; empty: it is.
  [[nodiscard]] std::string fault_of(SocksOctets datagram) const;

  const UdpTarget relay_;
  const Host to_;
  const std::string name_;
  const SocksQuestionKind kind_;
  Done done_;
  std::optional<SocksQuestion> question_;
  std::vector<std::uint8_t> datagram_;
  Duration patience_;
  std::size_t read_past_ = 0;
  std::string last_fault_;
  UdpExchange exchange_;
  Timer again_;
};

}  // namespace anyprobe
