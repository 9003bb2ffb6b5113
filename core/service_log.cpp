#include "service_log.hpp"

#include <set>

#include "duration.hpp"
#include "log.hpp"
#include "status_table.hpp"
#include "tally.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

std::string rounded(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
  if (ms < std::chrono::seconds(10)) return format_duration(ms);
  return rough(ms);
}

std::string explained(std::string_view reason, const std::string& detail) {
  return std::string(reason) + (detail.empty() ? "" : ", " + detail);
}

std::string damping_note(const HealthEvent& event) {
  if (event.penalty <= 0) return {};
  return "; damping: penalty " + std::to_string(static_cast<int>(event.penalty)) +
         (event.suppressed ? ", suppressed" : "");
}

void log_shared(const std::string& service, const HealthEvent& event) {
  const bool fails = event.kind == HealthEvent::Kind::shared_fails;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(event.lasted);
  log(fails ? LogLevel::warning : LogLevel::info,
      service + (fails ? ": stays up although a shared probe fails (" + event.detail + ")"
                       : ": no shared probe fails any more, after " + format_duration(ms)),
      {{"service", service},
       {"state", to_string(event.to)},
       {"reason", event.reason},
       {"detail", event.detail}});
}

}  // namespace

void log_event(const Service& service, const HealthEvent& event) {
  if (event.kind == HealthEvent::Kind::held) {
    log(LogLevel::info,
        service.name() + ": answers again, held back by " + std::string(event.held_by) + " for " +
            rounded(event.held_for) + damping_note(event),
        {{"service", service.name()}, {"state", to_string(event.to)}, {"reason", event.held_by}});
    return;
  }
  if (event.kind != HealthEvent::Kind::changed) return log_shared(service.name(), event);
  const bool good = event.to == HealthState::up && event.reason != kSharedFailed;
  log(good ? LogLevel::info : LogLevel::warning,
      service.name() + ": " + to_string(event.to) + " (" + explained(event.reason, event.detail) + "), was " +
          to_string(event.from) + " for " + rounded(event.lasted) + damping_note(event),
      {{"service", service.name()},
       {"state", to_string(event.to)},
       {"reason", event.reason},
       {"detail", event.detail}});
}

void log_check(const Service& service, const Service::Check& check) {
  const auto& result = check.result;
  const bool news = result.verdict == Verdict::local_error && check.before != Verdict::local_error;
  const auto level = news ? LogLevel::warning : LogLevel::debug;
  if (!logs(level)) return;
  const bool conclusive = result.verdict == Verdict::fail && result.evidence == Evidence::conclusive;
  const char* verdict = result.verdict == Verdict::pass   ? "pass"
                        : result.verdict == Verdict::fail ? "fail"
                                                          : "local_error";
  log(level,
      service.name() + ": " + verdict + (conclusive ? " for certain" : "") + " (" +
          explained(result.reason, result.detail) + ")",
      {{"service", service.name()},
       {"verdict", verdict},
       {"reason", result.reason},
       {"detail", result.detail}});
}

void warn_of_detours(const Service& service) {
  std::set<IpAddress> told;
  for (const auto& endpoint : service.endpoints()) {
    if (!endpoint.device.empty()) continue;
    for (const auto& what : service.config().advertise) {
      if (what.kind != Advertisement::Kind::route || !what.prefix.contains(endpoint.address.ip)) continue;
      if (!told.insert(endpoint.address.ip).second) continue;
      log(LogLevel::warning,
          service.name() + ": asks " + endpoint.address.ip.to_string() +
              " by whatever route there is: while ours is withdrawn, OSPF may bring another node's, and that "
              "node would answer (bind_device makes it ask through the interface that is named)");
    }
  }
}

}  // namespace anyprobe
