#include "probes/radius_attempt.hpp"

#include <sys/random.h>

#include <algorithm>

#include "probes/failure.hpp"

namespace anyprobe {
namespace {

void append_count(std::string& list, unsigned count, const char* one, const char* many) {
  if (count == 0) return;
  list += (list.empty() ? "" : ", ") + std::to_string(count) + " " + (count == 1 ? one : many);
}

}  // namespace

RadiusAttempt::RadiusAttempt(EventLoop& loop, const RadiusPlan& plan, ResultSink& sink)
    : plan_(plan),
      sink_(sink),
      exchange_(
          loop, plan.target, [this](UdpExchange::Octets datagram) { return received(datagram); },
          [this](const UdpFailure& failure) { failed(failure); }),
      resend_(loop, [this] { send(); }) {}

void RadiusAttempt::begin() {
  if (draw_request()) {
    send();
  } else {
    sink_.report(
        {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, "no random numbers to be had"});
  }
}

bool RadiusAttempt::draw_request() {
  // Whoever could guess these could prepare an answer (RFC 2865 section 3).
  std::array<std::uint8_t, 1 + std::tuple_size_v<RadiusAuthenticator>> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) return false;
  RadiusAuthenticator authenticator;
  std::copy(random.begin() + 1, random.end(), authenticator.begin());
  request_ = encode_status_server(random.front(), authenticator, plan_.nas_identifier, plan_.secret);
  return true;
}

void RadiusAttempt::send() {
  exchange_.send(request_);
  if (exchange_.open()) resend_.start(plan_.resend);
}

bool RadiusAttempt::received(UdpExchange::Octets datagram) {
  const auto reply = read_radius_reply(datagram, request_, plan_.secret);
  switch (reply.fit) {
    case RadiusFit::malformed:
      ++read_past_.malformed;
      return true;
    case RadiusFit::other_identifier:
      ++read_past_.other_identifier;
      return true;
    case RadiusFit::unverified:
      ++read_past_.unverified;
      return true;
    case RadiusFit::ours:
      break;
  }
  // Without it, the Response Authenticator alone can be forged (CVE-2024-3596): a true answer may still come.
  if (plan_.require_message_authenticator && !reply.message_authenticator) {
    ++read_past_.unsigned_replies;
    return true;
  }
  judge(reply);
  return false;
}

void RadiusAttempt::judge(const RadiusReply& reply) {
  resend_.stop();
  const bool good = (plan_.authentication && reply.code == radius_code::kAccessAccept) ||
                    (plan_.accounting && reply.code == radius_code::kAccountingResponse);
  if (good && !sink_.wants_detail_of_pass()) {
    sink_.report({Verdict::pass, Evidence::soft, radius_reason::kOk, {}});
    return;
  }
  auto detail = plan_.target.server.to_string() + " answered " + name_radius_code(reply.code);
  if (good) {
    detail += reply.message_authenticator ? " with Message-Authenticator" : " without Message-Authenticator";
    sink_.report({Verdict::pass, Evidence::soft, radius_reason::kOk, std::move(detail)});
    return;
  }
  detail += ", not " + name_radius_code(plan_.authentication ? radius_code::kAccessAccept
                                                             : radius_code::kAccountingResponse);
  if (plan_.authentication && plan_.accounting) {
    detail += " or " + name_radius_code(radius_code::kAccountingResponse);
  }
  sink_.report({Verdict::fail, Evidence::soft, radius_reason::kWrongCode, std::move(detail)});
}

void RadiusAttempt::failed(const UdpFailure& failure) {
  resend_.stop();
  auto result = judge_failure(failure.call, failure.error, failure.local);
  result.detail = plan_.target.server.to_string() + ": " + result.detail;
  sink_.report(std::move(result));
}

std::string RadiusAttempt::waiting_for() const {
  std::string past;
  append_count(past, read_past_.unverified, "reply that does not verify: wrong secret?",
               "replies that do not verify: wrong secret?");
  append_count(past, read_past_.unsigned_replies, "reply without Message-Authenticator",
               "replies without Message-Authenticator");
  append_count(past, read_past_.other_identifier, "reply to something else", "replies to something else");
  append_count(past, read_past_.malformed, "datagram that is no reply", "datagrams that are no reply");
  // RFC 2865 section 3 and RFC 3579 section 3.2 have a server drop in silence what it does not trust.
  if (past.empty()) past = "it hangs, has another secret, or does not know this client";
  return "no answer from " + plan_.target.server.to_string() + " (" + past + ")";
}

}  // namespace anyprobe
