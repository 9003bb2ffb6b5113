#include "confirmer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/log.hpp"

namespace anyprobe {
namespace {

// Each is a question of its own.
constexpr std::size_t kPrefixesARound = 64;
// The keeper gives the daemon 3 s, and rests up to 10 s before it asks.
constexpr Duration kKeeperPatience = std::chrono::seconds(20);
constexpr Duration kAskAgain = std::chrono::milliseconds(200);

}  // namespace

Confirmer::Confirmer(EventLoop& loop, Ask ask)
    : ask_(std::move(ask)),
      book_([](LogLevel level, const std::string& text, const Advertisement& what) {
        log(level, text, {{"advertisement", what.to_string()}});
      }),
      next_(loop, [this] { begin(); }),
      patience_(loop, [this] { fail(FrrAnswer::End::failed, "the keeper does not answer"); }) {}

void Confirmer::see(const std::vector<OwnAdvertisement>& all) {
  book_.see(all, Clock::now());
  plan();
}

void Confirmer::watch(std::set<Advertisement> watched) {
  book_.watch(std::move(watched), Clock::now());
  plan();
}

// The round that runs plans the next one when it is over.
void Confirmer::plan() {
  if (waiting_) return;
  const auto next = book_.next();
  if (next == TimePoint::max())
    next_.stop();
  else
    next_.start_at(next);
}

void Confirmer::begin() {
  const auto now = Clock::now();
  parts_.clear();
  for (const auto& due : book_.due(Family::ipv4, now, kPrefixesARound))
    to_ask_.push_back({{FrrQuestion::ospf_prefix, due.index}, due.what});
  if (!to_ask_.empty()) to_ask_.push_back({{FrrQuestion::ospf_state, 0}, {}});
  if (!book_.due(Family::ipv6, now, 1).empty()) to_ask_.push_back({{FrrQuestion::ospf6_state, 0}, {}});
  go_on();
}

void Confirmer::go_on() {
  waiting_ = !to_ask_.empty();
  if (!waiting_) return plan();
  asked_ = Clock::now();
  patience_.start(kKeeperPatience);
  ask_(++serial_, to_ask_.front().inquiry);
}

void Confirmer::take(std::uint32_t serial, const FrrAnswer& answer, const std::string& replies) {
  if (!waiting_ || serial != serial_) return;
  patience_.stop();
  if (answer.end == FrrAnswer::End::stale) {
    // The configuration has changed, and with it the places of what is in it.
    to_ask_.clear();
    waiting_ = false;
    return next_.start(kAskAgain);
  }
  if (answer.end != FrrAnswer::End::answered) return fail(answer.end, answer.why);
  understand(replies);
}

void Confirmer::understand(const std::string& replies) {
  const auto& [inquiry, what] = to_ask_.front();
  const auto family = family_of(inquiry.question);
  const auto prefixes = book_.prefixes(family);
  auto read = inquiry.question == FrrQuestion::ospf_prefix  ? read_ospf_prefix(replies, prefixes)
              : inquiry.question == FrrQuestion::ospf_state ? read_ospf_state(replies, prefixes)
                                                            : read_ospf6_state(replies, prefixes);
  if (!read) {
    const std::string daemon = daemon_of(inquiry.question);
    return fail(FrrAnswer::End::failed, daemon + " is not understood (" + read.error() + ")");
  }
  if (!trouble(family).empty()) log(LogLevel::info, std::string(daemon_of(inquiry.question)) + " answers");
  trouble(family).clear();
  said_absent_ = false;
  if (inquiry.question == FrrQuestion::ospf_prefix)
    parts_[what] = {std::move(read).value().lsas, asked_};
  else
    judge(family, *read);
  to_ask_.pop_front();
  go_on();
}

void Confirmer::judge(Family family, const LinkState& state) {
  const auto now = Clock::now();
  if (family == Family::ipv6) {
    for (const auto& each : book_.due(family, TimePoint::max(), std::numeric_limits<std::size_t>::max())) {
      const auto finding = finding_of(each.what.prefix, state.lsas, state);
      book_.take(each.what, finding, state.neighbours, asked_, now, state.router_id);
    }
    return;
  }
  for (auto& [what, part] : parts_) {
    part.lsas.insert(part.lsas.end(), state.lsas.begin(), state.lsas.end());
    const auto finding = finding_of(what.prefix, part.lsas, state);
    book_.take(what, finding, state.neighbours, part.asked, now, state.router_id);
  }
}

void Confirmer::fail(FrrAnswer::End end, const std::string& why) {
  const auto question = to_ask_.front().inquiry.question;
  const auto family = family_of(question);
  std::erase_if(to_ask_, [&](const Asked& each) { return family_of(each.inquiry.question) == family; });
  book_.lose(family, Clock::now());
  auto& trouble = this->trouble(family);
  const bool absent = end == FrrAnswer::End::absent;
  // Of a host without OSPF it is said once, not of each daemon.
  const bool said = absent && std::exchange(said_absent_, absent);
  if (std::exchange(trouble, why) != why && !said) {
    log(absent ? LogLevel::info : LogLevel::warning,
        why + ": whether what " + daemon_of(question) + " announces is confirmed cannot be told");
  }
  go_on();
}

}  // namespace anyprobe
