#include "probes/ntp_attempt.hpp"

#include <sys/random.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "probes/failure.hpp"

namespace anyprobe {
namespace {

NtpTime now() {
  return to_ntp_time(std::chrono::system_clock::now());
}

}  // namespace

NtpAttempt::NtpAttempt(EventLoop& loop, const NtpPlan& plan, ResultSink& sink)
    : plan_(plan),
      sink_(sink),
      exchange_(
          loop, plan.target, [this](UdpExchange::Octets datagram) { return received(datagram); },
          [this](const UdpFailure& failure) { failed(failure); }),
      resend_(loop, [this] { send(); }) {}

void NtpAttempt::begin() {
  send();
}

void NtpAttempt::send() {
  NtpTime origin = 0;
  if (::getrandom(&origin, sizeof origin, 0) != static_cast<ssize_t>(sizeof origin)) {
    exchange_.close();
    sink_.report(
        {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, "no random numbers to be had"});
    return;
  }
  origin = std::max<NtpTime>(origin, 1);
  sent_[sent_count_++ % sent_.size()] = {origin, now()};
  exchange_.send(encode_ntp_request(origin));
  if (exchange_.open()) resend_.start(plan_.resend);
}

bool NtpAttempt::received(UdpExchange::Octets datagram) {
  const auto at = now();
  const auto reply = parse_ntp_reply(datagram);
  if (!reply) {
    ++no_replies_;
    return true;
  }
  const auto sent = std::find_if(sent_.begin(), sent_.end(), [&](const Sent& one) {
    return one.origin != 0 && one.origin == reply->origin;
  });
  if (sent == sent_.end()) {
    ++other_replies_;
    return true;
  }
  resend_.stop();
  auto result = judge_ntp_reply(*reply, {sent->at, at}, plan_.limits);
  result.detail = plan_.target.server.to_string() + ": " + result.detail;
  sink_.report(std::move(result));
  return false;
}

void NtpAttempt::failed(const UdpFailure& failure) {
  resend_.stop();
  auto result = judge_failure(failure.call, failure.error, failure.local);
  result.detail = plan_.target.server.to_string() + ": " + result.detail;
  sink_.report(std::move(result));
}

std::string NtpAttempt::waiting_for() const {
  std::string past;
  const auto add = [&past](unsigned count, const char* one, const char* many) {
    if (count == 0) return;
    past += (past.empty() ? "" : ", ") + std::to_string(count) + " " + (count == 1 ? one : many);
  };
  add(other_replies_, "reply to something else", "replies to something else");
  add(no_replies_, "datagram that is no reply", "datagrams that are no reply");
  // Servers drop in silence what they do not allow and what comes too often.
  if (past.empty()) past = "it hangs, does not allow us to ask, or limits our rate";
  return "no answer from " + plan_.target.server.to_string() + " (" + past + ")";
}

}  // namespace anyprobe
