// One round of a radius probe: one Status-Server request, sent again until an answer to it comes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/radius_packet.hpp"
#include "probes/udp_exchange.hpp"

namespace anyprobe {

// The reasons of a radius probe's results, beside those of failure.hpp.
namespace radius_reason {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kWrongCode = "wrong_code";
}  // namespace radius_reason

// What a radius probe asks and of whom, made once from its options.
struct RadiusPlan {
  UdpTarget target;
  std::string secret;
  std::string nas_identifier;
  bool authentication = true;  // Access-Accept is an answer
  bool accounting = false;     // Accounting-Response is one
  bool require_message_authenticator = false;
  Duration resend{};
};

class RadiusAttempt final : public Attempt {
 public:
  // All three outlive the attempt.
  RadiusAttempt(EventLoop& loop, const RadiusPlan& plan, ResultSink& sink);

  void begin();
  [[nodiscard]] std::string waiting_for() const override;

 private:
  struct ReadPast {
    unsigned malformed = 0;
    unsigned other_identifier = 0;
    unsigned unverified = 0;
    unsigned unsigned_replies = 0;  // without the Message-Authenticator that is demanded
  };

  bool draw_request();
  void send();
  bool received(UdpExchange::Octets datagram);
  void judge(const RadiusReply& reply);
  void failed(const UdpFailure& failure);

  const RadiusPlan& plan_;
  ResultSink& sink_;
  std::vector<std::uint8_t> request_;
  ReadPast read_past_;
  UdpExchange exchange_;
  Timer resend_;
};

}  // namespace anyprobe
