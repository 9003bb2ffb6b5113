// One round of a tcp probe: every port at once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/tcp_exchange.hpp"

namespace anyprobe {

// The reasons of a tcp probe's results, beside those of failure.hpp.
namespace tcp_reason {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kWrongAnswer = "wrong_answer";
}  // namespace tcp_reason

// What a tcp probe asks and of whom, made once from its options.
struct TcpPlan {
  std::vector<TcpTarget> targets;
  std::vector<std::uint8_t> send;
  std::string expect;  // empty: nothing
};

class TcpAttempt final : public Attempt {
 public:
  // All three outlive the attempt.
  TcpAttempt(EventLoop& loop, const TcpPlan& plan, ResultSink& sink);

  void begin();
  [[nodiscard]] std::string waiting_for() const override;

 private:
  struct Asked {
    const TcpTarget* target = nullptr;
    std::optional<TcpExchange> exchange;
    std::size_t searched = 0;  // octets in which what is expected does not begin
    std::optional<Result> result;
  };

  bool found(Asked& asked, TcpExchange::Octets received) const;
  void finished(Asked& asked, const TcpOutcome& outcome);
  [[nodiscard]] Result judge(const Asked& asked, const TcpOutcome& outcome) const;
  void decide();
  [[nodiscard]] std::string details(Verdict verdict) const;

  EventLoop& loop_;
  const TcpPlan& plan_;
  ResultSink& sink_;
  bool reported_ = false;
  Deferred decide_;
  std::vector<Asked> asked_;  // of one size from the start: what is in it cannot move
};

}  // namespace anyprobe
