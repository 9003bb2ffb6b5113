// One round of a probe that asks by HTTP, at a server or through a proxy: every URL at once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/probe.hpp"
#include "probes/curl_exchange.hpp"
#include "probes/http_answer.hpp"

namespace anyprobe {

// What is asked and of whom, made once from the options.
struct HttpPlan {
  struct Question {
    CurlRequest request;
    std::string name;  // of the question, in a log: "http://www.example.org/ from 127.0.0.1:80"
  };

  std::vector<Question> questions;
  HttpExpectations expected;
  bool one_is_enough = false;  // one question that passes decides; else one that fails
  std::string remark;          // added to what passed
};

class HttpAttempt final : public Attempt {
 public:
  // All outlive the attempt.
  HttpAttempt(EventLoop& loop, CurlLoop& curl, const HttpPlan& plan, ResultSink& sink);

  void begin();
  [[nodiscard]] std::string waiting_for() const override;

 private:
  struct Asked {
    Asked(CurlLoop& curl, const HttpPlan& plan, const HttpPlan::Question& about, CurlExchange::Done done);

    const HttpPlan::Question& question;
    HttpAnswer answer;
    CurlExchange exchange;
    std::optional<Result> result;
  };

  void finished(Asked& asked, const CurlOutcome& outcome);
  void decide();
  void report_failure();
  [[nodiscard]] std::string details(Verdict verdict) const;

  const HttpPlan& plan_;
  ResultSink& sink_;
  Deferred decide_;
  std::vector<std::unique_ptr<Asked>> asked_;
};

// What one exchange came to, without the name of its question. Pure.
Result judge_http(const HttpAnswer& answer, const CurlOutcome& outcome, HttpMethod method);

}  // namespace anyprobe
