// One round of an ntp probe: a question sent again and again, each with an origin of its own, until one of
// them is answered.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/ntp_judge.hpp"
#include "probes/udp_exchange.hpp"

namespace anyprobe {

// What an ntp probe asks and of whom, made once from its options.
struct NtpPlan {
  UdpTarget target;
  NtpLimits limits;
  Duration resend{};
};

class NtpAttempt final : public Attempt {
 public:
  // All three outlive the attempt.
  NtpAttempt(EventLoop& loop, const NtpPlan& plan, ResultSink& sink);

  void begin();
  [[nodiscard]] std::string waiting_for() const override;

 private:
  struct Sent {
    NtpTime origin = 0;  // as it went out; 0 is never sent
    NtpTime at = 0;
  };

  void send();
  bool received(UdpExchange::Octets datagram);
  void failed(const UdpFailure& failure);

  const NtpPlan& plan_;
  ResultSink& sink_;
  std::array<Sent, 32> sent_{};  // the latest ones
  std::size_t sent_count_ = 0;
  unsigned no_replies_ = 0;     // read past: not what a time server answers
  unsigned other_replies_ = 0;  // read past: to something else
  UdpExchange exchange_;
  Timer resend_;
};

}  // namespace anyprobe
