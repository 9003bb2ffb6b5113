#include "probes/tcp_attempt.hpp"

#include <algorithm>
#include <utility>

#include "core/text.hpp"
#include "probes/failure.hpp"

namespace anyprobe {
namespace {

void append(std::string& list, const char* separator, const std::string& item) {
  if (!list.empty()) list += separator;
  list += item;
}

std::string quoted(TcpExchange::Octets octets) {
  return in_quotes({reinterpret_cast<const char*>(octets.data()), octets.size()});
}

}  // namespace

TcpAttempt::TcpAttempt(EventLoop& loop, const TcpPlan& plan, ResultSink& sink)
    : loop_(loop),
      plan_(plan),
      sink_(sink),
      decide_(loop, [this] { decide(); }),
      asked_(plan.targets.size()) {
  for (std::size_t i = 0; i < asked_.size(); ++i) asked_[i].target = &plan_.targets[i];
}

void TcpAttempt::begin() {
  for (auto& asked : asked_) {
    asked.exchange.emplace(loop_, *asked.target,
                           [this, &asked](const TcpOutcome& outcome) { finished(asked, outcome); });
    TcpExchange::Enough enough;
    if (!plan_.expect.empty()) {
      enough = [this, &asked](TcpExchange::Octets received) { return found(asked, received); };
    }
    asked.exchange->start(plan_.send, std::move(enough));
  }
}

bool TcpAttempt::found(Asked& asked, TcpExchange::Octets received) const {
  const auto from = received.begin() + static_cast<std::ptrdiff_t>(asked.searched);
  if (std::search(from, received.end(), plan_.expect.begin(), plan_.expect.end(), [](std::uint8_t a, char b) {
        return a == static_cast<std::uint8_t>(b);
      }) != received.end()) {
    return true;
  }
  if (received.size() >= plan_.expect.size()) asked.searched = received.size() - plan_.expect.size() + 1;
  return false;
}

void TcpAttempt::finished(Asked& asked, const TcpOutcome& outcome) {
  asked.result = judge(asked, outcome);
  if (!reported_) decide_.schedule();
}

Result TcpAttempt::judge(const Asked& asked, const TcpOutcome& outcome) const {
  const bool passed = outcome.end == TcpOutcome::End::connected || outcome.end == TcpOutcome::End::enough;
  if (passed && !sink_.wants_detail_of_pass()) return {Verdict::pass, Evidence::soft, tcp_reason::kOk, {}};
  const auto who = asked.target->server.to_string() + " ";
  const auto received = asked.exchange->received();
  switch (outcome.end) {
    case TcpOutcome::End::connected:
      return {Verdict::pass, Evidence::soft, tcp_reason::kOk, who + "connected"};
    case TcpOutcome::End::enough:
      return {Verdict::pass, Evidence::soft, tcp_reason::kOk, who + "said " + in_quotes(plan_.expect)};
    case TcpOutcome::End::too_much:
      return {Verdict::fail, Evidence::soft, tcp_reason::kWrongAnswer,
              who + "no " + in_quotes(plan_.expect) + " in " + std::to_string(received.size()) + " octets"};
    case TcpOutcome::End::failed:
      break;
  }
  auto result = judge_failure(outcome.call, outcome.error, outcome.local);
  if (result.verdict == Verdict::local_error) {
    result.detail = who + "not asked (" + result.detail + ")";
  } else if (result.reason == failure_reason::kClosed && !received.empty()) {
    result.reason = tcp_reason::kWrongAnswer;
    result.detail = who + "closed after " + quoted(received) + ", without " + in_quotes(plan_.expect);
  } else if (result.reason == failure_reason::kRefused || result.reason == failure_reason::kClosed) {
    result.detail = who + std::string(result.reason);
  } else {
    result.detail = who + std::string(result.reason) + " (" + result.detail + ")";
  }
  return result;
}

void TcpAttempt::decide() {
  const auto is = [](Verdict verdict) {
    return [verdict](const Asked& asked) { return asked.result && asked.result->verdict == verdict; };
  };
  if (std::any_of(asked_.begin(), asked_.end(), is(Verdict::fail))) {
    // That decides. What came of the others in the meantime may be better evidence, and is worth a word.
    reported_ = true;
    for (auto& asked : asked_) asked.exchange->look();
    auto best = asked_.end();
    for (auto it = asked_.begin(); it != asked_.end(); ++it) {
      if (!is(Verdict::fail)(*it)) continue;
      if (best == asked_.end() || it->result->evidence > best->result->evidence) best = it;
    }
    sink_.report({Verdict::fail, best->result->evidence, best->result->reason, details(Verdict::fail)});
    return;
  }
  if (std::any_of(asked_.begin(), asked_.end(), [](const Asked& asked) { return !asked.result; })) return;
  const bool passed = std::all_of(asked_.begin(), asked_.end(), is(Verdict::pass));
  const auto verdict = passed ? Verdict::pass : Verdict::local_error;
  sink_.report(
      {verdict, Evidence::soft, passed ? tcp_reason::kOk : failure_reason::kLocalError, details(verdict)});
}

std::string TcpAttempt::details(Verdict verdict) const {
  std::string out;
  for (const auto& asked : asked_) {
    if (asked.result && asked.result->verdict == verdict) append(out, "; ", asked.result->detail);
    if (!asked.result && verdict == Verdict::fail) {
      append(out, "; ", asked.target->server.to_string() + " no answer yet");
    }
  }
  return out;
}

std::string TcpAttempt::waiting_for() const {
  std::string silent;
  for (const auto& asked : asked_) {
    if (asked.result || !asked.exchange) continue;
    auto item = asked.target->server.to_string();
    const auto received = asked.exchange->received();
    if (!received.empty()) {
      item += " (said " + quoted(received) + ", without " + in_quotes(plan_.expect) + ")";
    } else if (asked.exchange->connected()) {
      item += " (connected)";
    }
    append(silent, ", ", item);
  }
  if (silent.empty()) return {};
  const auto others = details(Verdict::local_error);
  return "no answer from " + silent + (others.empty() ? "" : "; " + others);
}

}  // namespace anyprobe
