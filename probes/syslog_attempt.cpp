#include "probes/syslog_attempt.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include "probes/failure.hpp"

namespace anyprobe {
namespace {

const char* name_of(Protocol transport) {
  return transport == Protocol::tcp ? "tcp" : "udp";
}

std::span<const std::uint8_t> octets_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

std::string SyslogPlan::told_target() const {
  return path.empty() ? server.to_string() + " over " + name_of(transport) : path;
}

SyslogAttempt::SyslogAttempt(EventLoop& loop, const SyslogPlan& plan, SyslogListener& listener,
                             ResultSink& sink)
    : loop_(loop),
      plan_(plan),
      listener_(listener),
      sink_(sink),
      udp_target_{plan.server, plan.source, plan.device},
      tcp_target_{plan.server, plan.source, plan.device} {}

SyslogAttempt::~SyslogAttempt() {
  if (!token_.empty()) listener_.forget(token_);
}

void SyslogAttempt::begin() {
  if (!draw_token()) {
    sink_.report(
        {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, "no random numbers to be had"});
    return;
  }
  lost_before_ = listener_.lost();
  listener_.expect(token_, [this] { came(); });
  line_ = write_line();
  if (!plan_.path.empty()) {
    send_to_socket();
  } else if (plan_.transport == Protocol::tcp) {
    send_over_tcp();
  } else {
    send_over_udp();
  }
}

bool SyslogAttempt::draw_token() {
  std::array<std::uint8_t, kSyslogTokenOctets> random{};
  // Soon after boot there may be none yet, which is no reason to stand still.
  const auto got = ::getrandom(random.data(), random.size(), GRND_NONBLOCK);
  if (got != static_cast<ssize_t>(random.size())) return false;
  token_ = make_syslog_token(random);
  return true;
}

std::string SyslogAttempt::write_line() const {
  auto line = plan_.line;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto at = static_cast<std::time_t>(seconds.count());
  ::localtime_r(&at, &line.time);
  line.microseconds =
      static_cast<unsigned>(std::chrono::duration_cast<std::chrono::microseconds>(now - seconds).count());
  line.text = "test " + token_;
  return plan_.rfc5424 ? encode_rfc5424(line) : encode_rfc3164(line);
}

void SyslogAttempt::send_over_udp() {
  udp_.emplace(
      loop_, udp_target_, [](UdpExchange::Octets) { return true; },
      [this](const UdpFailure& failure) { failed(failure.call, failure.error, failure.local); });
  sent_ = true;
  udp_->send(octets_of(line_));
}

void SyslogAttempt::send_over_tcp() {
  line_ = plan_.counted ? framed_by_count(line_) : framed_by_newline(std::move(line_));
  tcp_.emplace(loop_, tcp_target_, [this](const TcpOutcome& outcome) {
    sent_ = true;
    if (outcome.end == TcpOutcome::End::failed) failed(outcome.call, outcome.error, outcome.local);
  });
  tcp_->start(octets_of(line_));
}

void SyslogAttempt::send_to_socket() {
  local_.emplace(loop_, plan_.path, [this](const char* call, int error) {
    sent_ = true;
    if (error != 0) failed(call, error, true);
  });
  local_->send(line_);
}

void SyslogAttempt::came() {
  std::string detail;
  if (sink_.wants_detail_of_pass()) detail = plan_.told_target() + " relayed to " + plan_.listen.to_string();
  sink_.report({Verdict::pass, Evidence::soft, syslog_reason::kOk, std::move(detail)});
}

void SyslogAttempt::failed(const char* call, int error, bool local) {
  // No socket there is nobody there.
  const bool missing = !plan_.path.empty() && error == ENOENT;
  auto result = judge_failure(call, missing ? ECONNREFUSED : error, local);
  const auto why = std::string(call) + ": " + std::strerror(error);
  if (result.verdict == Verdict::local_error) {
    result.detail = plan_.told_target() + " not asked (" + why + ")";
  } else if (result.reason == failure_reason::kRefused && !missing) {
    result.detail = plan_.told_target() + " refused";
  } else {
    result.detail = plan_.told_target() + " " + std::string(result.reason) + " (" + why + ")";
  }
  sink_.report(result);
}

bool SyslogAttempt::asked() const {
  return listener_.lost() == lost_before_;
}

std::string SyslogAttempt::waiting_for() const {
  const auto lost = listener_.lost() - lost_before_;
  auto said = lost != 0 ? listener_.tell_lost(lost) + "; " : std::string();
  if (sent_) {
    return said + "the line to " + plan_.told_target() + " did not come back to " + plan_.listen.to_string() +
           " over " + name_of(plan_.listen_transport);
  }
  if (tcp_ && !tcp_->connected()) return said + "no connection to " + plan_.told_target() + " yet";
  return said + plan_.told_target() + " takes no line";
}

}  // namespace anyprobe
