// One round of a sip probe: one OPTIONS request, and its final response.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/sip_message.hpp"
#include "probes/status_list.hpp"
#include "probes/tcp_exchange.hpp"
#include "probes/udp_exchange.hpp"

namespace anyprobe {

// The reasons of a sip probe's results, beside those of failure.hpp.
namespace sip_reason {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kWrongStatus = "wrong_status";
inline constexpr std::string_view kMalformed = "malformed";  // a stream in which no message can be told
}  // namespace sip_reason

// What a sip probe asks and of whom, made once from its options.
struct SipPlan {
  SipQuestion question;
  std::optional<IpAddress> source;
  std::string device;  // empty: none
  StatusList accepted;
};

class SipAttempt : public Attempt {
 public:
  SipAttempt(const SipPlan& plan, ResultSink& sink) : plan_(plan), sink_(sink) {}

  virtual void begin() = 0;
  [[nodiscard]] std::string waiting_for() const override;

 protected:
  // False where there are no random numbers to be had, which is reported then.
  bool draw_transaction();
  // Makes the request, as it is asked from here.
  std::span<const std::uint8_t> write_request(const SocketAddress& local);
  // Whether it was the final response, which is reported then.
  bool take(std::string_view message);
  void report(Verdict verdict, std::string_view reason, const std::string& detail);
  void report_failure(const char* call, int error, bool local);
  [[nodiscard]] bool provisional() const { return provisional_ != 0; }

 private:
  const SipPlan& plan_;
  ResultSink& sink_;
  SipTransaction transaction_;
  std::vector<std::uint8_t> request_;
  int provisional_ = 0;           // the last one's status
  unsigned no_responses_ = 0;     // read past: nothing of SIP, or a request
  unsigned other_responses_ = 0;  // read past: to something else
};

// Sends the request again as RFC 3261 section 17.1.2.2 says.
class SipUdpAttempt final : public SipAttempt {
 public:
  // All three outlive the attempt.
  SipUdpAttempt(EventLoop& loop, const SipPlan& plan, const UdpTarget& target, ResultSink& sink);

  void begin() override;

 private:
  void send();

  std::span<const std::uint8_t> request_;
  Duration resend_after_;
  UdpExchange exchange_;
  Timer resend_;
};

class SipTcpAttempt final : public SipAttempt {
 public:
  // All three outlive the attempt.
  SipTcpAttempt(EventLoop& loop, const SipPlan& plan, const TcpTarget& target, ResultSink& sink);

  void begin() override;

 private:
  bool received(TcpExchange::Octets all);
  void finished(const TcpOutcome& outcome);

  SipStream stream_;
  bool malformed_ = false;
  bool answered_ = false;
  TcpExchange exchange_;
};

}  // namespace anyprobe
