#include "probes/socks_attempt.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "probes/failure.hpp"

namespace anyprobe {
namespace {

void append(std::string& list, const char* separator, const std::string& item) {
  if (item.empty()) return;
  if (!list.empty()) list += separator;
  list += item;
}

std::string unresolved(const SocksTarget& target) {
  return target.asked.to_string() + " has no address now";
}

// Which of two failures tells more.
bool better(const SocksVerdict& a, const SocksVerdict& b) {
  if (a.result.evidence != b.result.evidence) return a.result.evidence > b.result.evidence;
  return a.of_proxy && !b.of_proxy;
}

}  // namespace

SocksAttempt::SocksAttempt(EventLoop& loop, const SocksPlan& plan, ResultSink& sink)
    : loop_(loop), plan_(plan), sink_(sink), decide_(loop, [this] { decide(); }) {}

void SocksAttempt::begin() {
  ask_targets();
  if (plan_.udp_target) ask_udp();
  decide_.schedule();  // for where nothing can be asked
}

void SocksAttempt::ask_targets() {
  for (const auto& target : plan_.targets) {
    if (!target.to) continue;
    ++resolved_;
    ask(SocksDialogue::Request{SocksCommand::connect, *target.to, target.asked.to_string()});
  }
  // The proxy itself can still be asked where no target can; of UDP, the association does that.
  const bool alone = plan_.targets.empty() && !plan_.udp_target;
  const bool rest = !plan_.targets.empty() && resolved_ == 0;
  if (plan_.protocol == SocksProtocol::v5 && (alone || rest)) ask(std::nullopt);
}

void SocksAttempt::ask(std::optional<SocksDialogue::Request> request) {
  auto& asked = asked_.emplace_back();
  asked.dialogue.emplace(loop_, plan_, std::move(request),
                         [this, &asked](SocksVerdict verdict) { settle(asked.verdict, std::move(verdict)); });
  asked.dialogue->start();
}

void SocksAttempt::ask_udp() {
  std::optional<SocksDialogue::Request> request;
  const auto& target = *plan_.udp_target;
  if (target.to) {
    // RFC 1928 section 4: zeros, since what it will be sent from is not known yet.
    const Host any{{}, unspecified(plan_.server.server.ip.family()), 0};
    request = {SocksCommand::udp_associate, any, "UDP to " + target.asked.to_string()};
  }
  udp_dialogue_.emplace(
      loop_, plan_, std::move(request),
      [this](SocksVerdict verdict) {
        if (verdict.result.verdict == Verdict::pass) {  // the negotiation alone
          verdict.result = {Verdict::local_error, Evidence::soft, failure_reason::kUnresolved,
                            unresolved(*plan_.udp_target)};
        }
        settle(udp_verdict_, std::move(verdict));
      },
      [this](const SocketAddress& relay) { associated(relay); });
  udp_dialogue_->start();
}

void SocksAttempt::associated(const SocketAddress& relay) {
  const auto& target = *plan_.udp_target;
  relay_.emplace(loop_, UdpTarget{relay, plan_.server.source, plan_.server.device}, *target.to,
                 target.asked.to_string(), plan_.udp_question, [this](Result result) {
                   settle(udp_verdict_, {std::move(result), false});
                 });
  relay_->start();
}

void SocksAttempt::settle(std::optional<SocksVerdict>& verdict, SocksVerdict value) {
  if (verdict) return;  // the association ended after its relay had answered
  verdict = std::move(value);
  if (!reported_) decide_.schedule();
}

std::optional<Result> SocksAttempt::judge_targets() const {
  const Asked* best = nullptr;
  bool waits = false;
  bool unasked = false;
  for (const auto& asked : asked_) {
    if (!asked.verdict) {
      waits = true;
      continue;
    }
    const auto& result = asked.verdict->result;
    if (result.verdict == Verdict::pass && (resolved_ > 0 || plan_.targets.empty())) return result;
    if (result.verdict == Verdict::local_error) unasked = true;
    if (result.verdict != Verdict::fail) continue;
    if (best == nullptr || better(*asked.verdict, *best->verdict)) best = &asked;
  }
  if (best != nullptr && best->verdict->of_proxy) return best->verdict->result;
  if (waits) return std::nullopt;
  if (best != nullptr && !unasked) return best->verdict->result;
  // One of those that could not be asked may be reached.
  return Result{Verdict::local_error,
                Evidence::soft,
                unasked ? failure_reason::kLocalError : failure_reason::kUnresolved,
                {}};
}

void SocksAttempt::decide() {
  const bool has_targets = !plan_.targets.empty() || !plan_.udp_target;
  const auto targets = has_targets ? judge_targets() : std::nullopt;
  const std::array<const Result*, 2> parts{targets ? &*targets : nullptr,
                                           udp_verdict_ ? &udp_verdict_->result : nullptr};
  const Result* failed = nullptr;
  for (const auto* part : parts) {
    if (part == nullptr || part->verdict != Verdict::fail) continue;
    if (failed == nullptr || part->evidence > failed->evidence) failed = part;
  }
  if (failed != nullptr) {
    reported_ = true;
    sink_.report({Verdict::fail, failed->evidence, failed->reason, details()});
    return;
  }
  if ((has_targets && parts[0] == nullptr) || (plan_.udp_target && parts[1] == nullptr)) return;
  reported_ = true;
  std::string passed;
  for (const auto* part : parts) {
    if (part == nullptr) continue;
    if (part->verdict == Verdict::local_error) {
      sink_.report({Verdict::local_error, Evidence::soft, part->reason, details()});
      return;
    }
    append(passed, "; ", part->detail);
  }
  sink_.report({Verdict::pass, Evidence::soft, socks_reason::kOk, passed});
}

std::string SocksAttempt::details() const {
  std::vector<std::string> items;
  for (const auto& asked : asked_) {
    if (asked.verdict && asked.verdict->result.verdict != Verdict::pass) {
      items.push_back(asked.verdict->result.detail);
    }
  }
  for (const auto& target : plan_.targets) {
    if (!target.to) items.push_back(unresolved(target));
  }
  if (udp_verdict_ && udp_verdict_->result.verdict != Verdict::pass) {
    items.push_back(udp_verdict_->result.detail);
  }
  std::string out;
  for (auto it = items.begin(); it != items.end(); ++it) {
    // What is said of the proxy itself is the same on each connection.
    if (std::find(items.begin(), it, *it) == it) append(out, "; ", *it);
  }
  return out;
}

std::string SocksAttempt::waiting_for() const {
  std::string owed;
  for (const auto& asked : asked_) {
    if (!asked.verdict) append(owed, ", ", asked.dialogue->waiting_for());
  }
  if (udp_dialogue_ && !udp_verdict_) {
    append(owed, ", ", relay_ ? relay_->waiting_for() : udp_dialogue_->waiting_for());
  }
  if (owed.empty()) return {};
  const auto others = details();
  return "no answer from " + owed + (others.empty() ? "" : "; " + others);
}

}  // namespace anyprobe
