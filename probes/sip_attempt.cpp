#include "probes/sip_attempt.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "core/text.hpp"
#include "probes/failure.hpp"

namespace anyprobe {
namespace {

// RFC 3261 section 17.1.1.1.
constexpr Duration kT1 = std::chrono::milliseconds(500);
constexpr Duration kT2 = std::chrono::seconds(4);

constexpr int kFirstFinal = 200;

std::string hex(std::span<const std::uint8_t> octets) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const auto octet : octets) out += {kHex[octet >> 4U], kHex[octet & 15U]};
  return out;
}

std::string_view text_of(std::span<const std::uint8_t> octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

}  // namespace

bool SipAttempt::draw_transaction() {
  std::array<std::uint8_t, 40> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    sink_.report(
        {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, "no random numbers to be had"});
    return false;
  }
  const std::span all(random);
  transaction_.branch = std::string(kSipCookie) + hex(all.first(16));
  transaction_.call_id = hex(all.subspan(16, 16));
  transaction_.tag = hex(all.last(8));
  return true;
}

std::span<const std::uint8_t> SipAttempt::write_request(const SocketAddress& local) {
  const auto text = encode_sip_options(plan_.question, transaction_, local);
  request_.assign(text.begin(), text.end());
  return request_;
}

bool SipAttempt::take(std::string_view message) {
  const auto response = parse_sip_response(message);
  if (!response) {
    ++no_responses_;
    return false;
  }
  if (!answers(*response, transaction_)) {
    ++other_responses_;
    return false;
  }
  if (response->status < kFirstFinal) {
    provisional_ = response->status;
    return false;
  }
  const bool good = plan_.accepted.contains(response->status);
  report(good ? Verdict::pass : Verdict::fail, good ? sip_reason::kOk : sip_reason::kWrongStatus,
         "answered " + std::to_string(response->status) +
             (response->reason.empty() ? "" : " " + in_quotes(response->reason)));
  return true;
}

void SipAttempt::report(Verdict verdict, std::string_view reason, const std::string& detail) {
  sink_.report({verdict, Evidence::soft, reason, plan_.question.server.to_string() + " " + detail});
}

void SipAttempt::report_failure(const char* call, int error, bool local) {
  auto result = judge_failure(call, error, local);
  result.detail = plan_.question.server.to_string() + ": " + result.detail;
  sink_.report(std::move(result));
}

std::string SipAttempt::waiting_for() const {
  std::string past;
  const auto add = [&past](unsigned count, const char* one, const char* many) {
    if (count == 0) return;
    past += (past.empty() ? "" : ", ") + std::to_string(count) + " " + (count == 1 ? one : many);
  };
  if (provisional_ != 0) past = "provisional " + std::to_string(provisional_);
  add(other_responses_, "response to something else", "responses to something else");
  add(no_responses_, "message that is no response", "messages that are no response");
  return "no answer from " + plan_.question.server.to_string() +
         (plan_.question.tcp ? " over tcp" : " over udp") + (past.empty() ? "" : " (" + past + ")");
}

SipUdpAttempt::SipUdpAttempt(EventLoop& loop, const SipPlan& plan, const UdpTarget& target, ResultSink& sink)
    : SipAttempt(plan, sink),
      resend_after_(kT1),
      exchange_(
          loop, target,
          [this](UdpExchange::Octets datagram) {
            if (!take(text_of(datagram))) return true;
            resend_.stop();
            return false;
          },
          [this](const UdpFailure& failure) {
            resend_.stop();
            report_failure(failure.call, failure.error, failure.local);
          }),
      resend_(loop, [this] { send(); }) {}

void SipUdpAttempt::begin() {
  if (!draw_transaction()) return;
  exchange_.connect();
  const auto local = exchange_.local_address();
  if (!local) return;  // which was reported
  request_ = write_request(*local);
  send();
}

void SipUdpAttempt::send() {
  exchange_.send(request_);
  if (!exchange_.open()) return;
  resend_.start(provisional() ? kT2 : resend_after_);
  resend_after_ = std::min(2 * resend_after_, kT2);
}

SipTcpAttempt::SipTcpAttempt(EventLoop& loop, const SipPlan& plan, const TcpTarget& target, ResultSink& sink)
    : SipAttempt(plan, sink),
      exchange_(loop, target, [this](const TcpOutcome& outcome) { finished(outcome); }) {}

void SipTcpAttempt::begin() {
  if (!draw_transaction()) return;
  exchange_.start({}, [this](TcpExchange::Octets all) { return received(all); });
  const auto local = exchange_.local_address();
  if (!local) return;  // it has failed, and said so
  exchange_.say(write_request(*local));
  exchange_.look();
}

bool SipTcpAttempt::received(TcpExchange::Octets all) {
  for (;;) {
    std::string_view message;
    switch (stream_.next(text_of(all), message)) {
      case SipStream::Next::incomplete:
        return false;
      case SipStream::Next::malformed:
        malformed_ = true;
        return true;
      case SipStream::Next::message:
        answered_ = take(message);
        if (answered_) return true;
    }
  }
}

void SipTcpAttempt::finished(const TcpOutcome& outcome) {
  if (answered_) return;
  if (outcome.end == TcpOutcome::End::failed) {
    report_failure(outcome.call, outcome.error, outcome.local);
    return;
  }
  report(
      Verdict::fail, sip_reason::kMalformed,
      malformed_ ? "said what is no SIP" : "said " + std::to_string(kTcpReadMost) + " octets and no answer");
}

}  // namespace anyprobe
