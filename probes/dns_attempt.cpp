#include "probes/dns_attempt.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

#include "probes/failure.hpp"

namespace anyprobe {
namespace {

std::string label(const DnsTarget& target, const char* between) {
  return target.server.to_string() + between + (target.tcp ? "tcp" : "udp");
}

std::string read_past(std::size_t count, const DnsTarget& target) {
  if (count == 0) return {};
  const char* what = target.tcp ? " octets" : count == 1 ? " packet" : " packets";
  return " (" + std::to_string(count) + what + " read past)";
}

void append(std::string& list, const char* separator, const std::string& item) {
  if (!list.empty()) list += separator;
  list += item;
}

}  // namespace

DnsAttempt::DnsAttempt(EventLoop& loop, DnsPorts& ports, DnsPlan& plan, ResultSink& sink)
    : loop_(loop), ports_(ports), plan_(plan), sink_(sink), asked_(plan.questions.size()) {
  for (std::size_t i = 0; i < asked_.size(); ++i) asked_[i].question = &plan_.questions[i];
}

void DnsAttempt::begin() {
  if (!draw_query()) {
    report(
        {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, "no random numbers to be had"});
    return;
  }
  for (auto& asked : asked_) {
    if (reported_) return;
    const auto& target = asked.question->target;
    if (target.tcp) {
      ask_over_tcp(asked, target);
      continue;
    }
    asked.over_udp.emplace(ports_, target,
                           [this, &asked](const DnsOutcome& outcome) { finished(asked, outcome); });
    asked.over_udp->start(plan_.query);
  }
}

void DnsAttempt::ask_over_tcp(Asked& asked, const DnsTarget& target) {
  asked.over_tcp.emplace(loop_, target,
                         [this, &asked](const DnsOutcome& outcome) { finished(asked, outcome); });
  asked.over_tcp->start(plan_.query);
}

bool DnsAttempt::draw_query() {
  constexpr char kHex[] = "0123456789abcdef";
  std::array<std::uint8_t, 2 + kFreshLabel / 2> random{};
  const std::size_t wanted = plan_.fresh ? random.size() : 2;
  if (::getrandom(random.data(), wanted, 0) != static_cast<ssize_t>(wanted)) return false;
  auto& query = plan_.query;
  query[0] = random[0];
  query[1] = random[1];
  if (!plan_.fresh) return true;
  for (std::size_t i = 0; i < kFreshLabel; ++i) {
    const auto octet = random[2 + i / 2];
    query[kDnsHeader + 1 + i] = static_cast<std::uint8_t>(kHex[i % 2 == 0 ? octet >> 4U : octet & 15U]);
  }
  return true;
}

void DnsAttempt::finished(Asked& asked, const DnsOutcome& outcome) {
  const bool truncated_before = asked.over_udp && asked.over_tcp;
  auto result = outcome.call == nullptr
                    ? judge_dns_reply(outcome.reply, plan_.expected, sink_.wants_detail_of_pass())
                    : judge_failure(outcome.call, outcome.error, outcome.local);
  if (result.reason == dns_reason::kTruncated && !asked.over_tcp) {
    asked.when_truncated = asked.question->target;
    asked.when_truncated->tcp = true;
    return ask_over_tcp(asked, *asked.when_truncated);
  }
  if (truncated_before && outcome.call != nullptr && result.verdict == Verdict::fail) {
    // Somebody answered over UDP, so that even a refusal is no evidence that nobody is there.
    result = {Verdict::fail, Evidence::soft, dns_reason::kTruncated, std::move(result.detail)};
  }
  if (result.verdict != Verdict::pass || sink_.wants_detail_of_pass()) {
    result.detail = label(asked.question->target, " ") +
                    (truncated_before ? ", truncated, then tcp: " : ": ") + result.detail;
  }
  asked.result = std::move(result);
  decide();
}

void DnsAttempt::decide() {
  std::size_t passed = 0;
  std::size_t pending = 0;
  std::size_t unasked = 0;  // because of this host
  std::size_t refused = 0;
  for (auto it = asked_.begin(); it != asked_.end();) {
    const auto server = it->question->server;
    bool fails = false, waits = false, local = false, conclusive = false;
    for (; it != asked_.end() && it->question->server == server; ++it) {
      if (!it->result) {
        waits = true;
        continue;
      }
      fails = fails || it->result->verdict == Verdict::fail;
      local = local || it->result->verdict == Verdict::local_error;
      conclusive = conclusive || it->result->evidence == Evidence::conclusive;
    }
    if (fails) {
      if (conclusive) ++refused;
    } else if (local) {
      ++unasked;
    } else if (waits) {
      ++pending;
    } else {
      ++passed;
    }
  }

  if (passed >= plan_.need) {
    report({Verdict::pass, Evidence::soft, dns_reason::kOk, details(Verdict::pass)});
  } else if (passed + pending + unasked < plan_.need) {
    const bool conclusive = plan_.servers - refused < plan_.need;
    const auto first = std::find_if(asked_.begin(), asked_.end(), [](const Asked& asked) {
      return asked.result && asked.result->verdict == Verdict::fail;
    });
    report({Verdict::fail, conclusive ? Evidence::conclusive : Evidence::soft, first->result->reason,
            details(Verdict::fail)});
  } else if (passed + pending < plan_.need && passed + unasked >= plan_.need) {
    report(
        {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, details(Verdict::local_error)});
  }
}

void DnsAttempt::report(Result result) {
  if (std::exchange(reported_, true)) return;
  sink_.report(std::move(result));
}

std::string DnsAttempt::details(Verdict verdict) const {
  std::string out;
  for (const auto& asked : asked_) {
    if (asked.result && asked.result->verdict == verdict) append(out, "; ", asked.result->detail);
  }
  return out;
}

std::string DnsAttempt::waiting_for() const {
  std::string silent;
  for (const auto& asked : asked_) {
    if (asked.result) continue;
    const auto& question = *asked.question;
    const bool truncated_before = asked.over_udp && asked.over_tcp;
    const auto& target = truncated_before ? *asked.when_truncated : question.target;
    const auto strays = asked.over_tcp   ? asked.over_tcp->read_past()
                        : asked.over_udp ? asked.over_udp->read_past()
                                         : 0;
    append(silent, ", ",
           label(target, " over ") + (truncated_before ? " after a truncated answer" : "") +
               read_past(strays, target));
  }
  if (silent.empty()) return {};
  std::string out = "no answer from " + silent;
  for (const auto verdict : {Verdict::fail, Verdict::local_error}) {
    const auto others = details(verdict);
    if (!others.empty()) out += "; " + others;
  }
  return out;
}

}  // namespace anyprobe
