// One round of a dns probe: every server over every transport at once, until it is known whether enough pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/dns_judge.hpp"
#include "probes/dns_tcp_exchange.hpp"
#include "probes/dns_udp_exchange.hpp"

namespace anyprobe {

// What a dns probe asks and of whom, made once from its options.
struct DnsPlan {
  struct Question {
    std::size_t server = 0;  // by its place in the configuration
    DnsTarget target;        // one that is asked over UDP is asked over TCP for a truncated answer
  };

  std::vector<Question> questions;
  std::size_t servers = 0;
  std::size_t need = 0;             // so many servers pass, each over every transport it is asked by
  std::vector<std::uint8_t> query;  // the whole message; each attempt draws its id anew
  bool fresh = false;               // its first label is one of kFreshLabel octets to be drawn anew
  DnsExpectations expected;
};

inline constexpr std::size_t kDnsHeader = 12;
inline constexpr std::size_t kFreshLabel = 16;

class DnsAttempt final : public Attempt {
 public:
  // All of these outlive the attempt. The query of the plan is this attempt's as long as it lives.
  DnsAttempt(EventLoop& loop, DnsPorts& ports, DnsPlan& plan, ResultSink& sink);

  void begin();
  [[nodiscard]] std::string waiting_for() const override;

 private:
  struct Asked {
    const DnsPlan::Question* question = nullptr;
    std::optional<DnsUdpExchange> over_udp;
    std::optional<DnsTarget> when_truncated;
    std::optional<DnsTcpExchange> over_tcp;
    std::optional<Result> result;
  };

  bool draw_query();
  void ask_over_tcp(Asked& asked, const DnsTarget& target);
  void finished(Asked& asked, const DnsOutcome& outcome);
  void decide();
  void report(Result result);
  [[nodiscard]] std::string details(Verdict verdict) const;

  EventLoop& loop_;
  DnsPorts& ports_;
  DnsPlan& plan_;
  ResultSink& sink_;
  bool reported_ = false;
  std::vector<Asked> asked_;  // of one size from the start: what is in it cannot move
};

}  // namespace anyprobe
