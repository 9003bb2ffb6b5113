#include "probes/http_attempt.hpp"

#include <algorithm>
#include <utility>

#include "probes/failure.hpp"

namespace anyprobe {
namespace {

Result not_asked(const std::string& why) {
  return {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, "not asked (" + why + ")"};
}

Result judge_call(const CurlOutcome& outcome) {
  auto result = judge_failure(outcome.call, outcome.error, outcome.local);
  if (result.verdict == Verdict::local_error) return not_asked(result.detail);
  if (result.reason == failure_reason::kRefused) {
    result.detail = "refused";
  } else {
    result.detail = std::string(result.reason) + " (" + result.detail + ")";
  }
  return result;
}

}  // namespace

Result judge_http(const HttpAnswer& answer, const CurlOutcome& outcome, HttpMethod method) {
  using End = CurlOutcome::End;
  switch (outcome.end) {
    case End::complete:
    case End::enough:
      return answer.judge();
    case End::no_tunnel: {
      auto result = answer.judge();
      if (method == HttpMethod::connect || result.verdict == Verdict::fail) return result;
      return soft_failure(http_reason::kProxyError, result.detail + " for the tunnel");
    }
    case End::failed:
      return judge_call(outcome);
    case End::tls:
      return soft_failure(http_reason::kTls, "TLS: " + outcome.words);
    case End::malformed:
      return soft_failure(http_reason::kMalformed, "no HTTP: " + outcome.words);
    case End::closed: {
      const auto came = answer.so_far();
      return soft_failure(failure_reason::kClosed,
                          came.empty() ? "closed without an answer" : "closed after " + came);
    }
    case End::unable:
      break;
  }
  return not_asked(outcome.words);
}

HttpAttempt::Asked::Asked(CurlLoop& curl, const HttpPlan& plan, const HttpPlan::Question& about,
                          CurlExchange::Done done)
    : question(about),
      answer(plan.expected),
      exchange(
          curl, about.request, [this](std::string_view line) { return answer.take_header(line); },
          [this](std::string_view piece) { return answer.take_body(piece); }, std::move(done)) {}

HttpAttempt::HttpAttempt(EventLoop& loop, CurlLoop& curl, const HttpPlan& plan, ResultSink& sink)
    : plan_(plan), sink_(sink), decide_(loop, [this] { decide(); }) {
  for (std::size_t i = 0; i < plan.questions.size(); ++i) {
    const auto done = [this, i](const CurlOutcome& outcome) { finished(*asked_[i], outcome); };
    asked_.push_back(std::make_unique<Asked>(curl, plan, plan.questions[i], done));
  }
}

void HttpAttempt::begin() {
  for (auto& asked : asked_) asked->exchange.start();
}

void HttpAttempt::finished(Asked& asked, const CurlOutcome& outcome) {
  auto result = judge_http(asked.answer, outcome, asked.question.request.method);
  result.detail = asked.question.name + " " + result.detail;
  asked.result = std::move(result);
  decide_.schedule();
}

void HttpAttempt::decide() {
  const auto any = [this](Verdict verdict) {
    return std::any_of(asked_.begin(), asked_.end(), [verdict](const auto& asked) {
      return asked->result && asked->result->verdict == verdict;
    });
  };
  const bool all_done = std::all_of(asked_.begin(), asked_.end(), [](const auto& a) { return a->result; });
  const bool enough = any(plan_.one_is_enough ? Verdict::pass : Verdict::fail);
  if (!enough && !all_done) return;
  if (plan_.one_is_enough ? enough : all_done && !any(Verdict::fail) && !any(Verdict::local_error)) {
    sink_.report({Verdict::pass, Evidence::soft, http_reason::kOk, details(Verdict::pass) + plan_.remark});
    return;
  }
  report_failure();
}

// A URL that could not be asked might have been the one that is fetched; but where the kernel refuses the
// proxy, it refuses all of them.
void HttpAttempt::report_failure() {
  const Asked* best = nullptr;
  bool unasked = false;
  for (const auto& asked : asked_) {
    if (!asked->result) continue;
    unasked = unasked || asked->result->verdict == Verdict::local_error;
    if (asked->result->verdict != Verdict::fail) continue;
    if (best == nullptr || asked->result->evidence > best->result->evidence) best = asked.get();
  }
  const bool certain = best != nullptr && best->result->evidence == Evidence::conclusive;
  if (best == nullptr || (plan_.one_is_enough && unasked && !certain)) {
    sink_.report(
        {Verdict::local_error, Evidence::soft, failure_reason::kLocalError, details(Verdict::local_error)});
  } else {
    sink_.report({Verdict::fail, best->result->evidence, best->result->reason, details(Verdict::fail)});
  }
}

std::string HttpAttempt::details(Verdict verdict) const {
  std::string out;
  for (const auto& asked : asked_) {
    std::string item;
    if (asked->result && asked->result->verdict == verdict) item = asked->result->detail;
    if (!asked->result && verdict == Verdict::fail) item = asked->question.name + " no answer yet";
    if (!item.empty()) out += (out.empty() ? "" : "; ") + item;
  }
  return out;
}

std::string HttpAttempt::waiting_for() const {
  std::string out;
  std::string others;
  for (const auto& asked : asked_) {
    if (asked->result) {
      if (asked->result->verdict != Verdict::pass) others += "; " + asked->result->detail;
      continue;
    }
    out += (out.empty() ? "no answer to " : ", ") + asked->question.name;
    if (const auto came = asked->answer.so_far(); !came.empty()) {
      out += " (said " + came + ")";
    } else if (asked->exchange.connected()) {
      out += " (connected)";
    }
  }
  return out.empty() ? out : out + others;
}

}  // namespace anyprobe
