#include "reconciler.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {
namespace {

bool is_addition(const Change& change) {
  const auto* set = std::get_if<SetLink>(&change);
  return !renews(change) && (std::holds_alternative<AddAddress>(change) ||
                             std::holds_alternative<AddRoute>(change) || (set != nullptr && set->up));
}

}  // namespace

Reconciler::Reconciler(EventLoop& loop, RouteTable& table, RouteMonitor& monitor,
                       ReconcilerListener& listener, bool adopt, ReconcilerTimes times)
    : table_(table),
      monitor_(monitor),
      listener_(listener),
      adopt_(adopt),
      times_(times),
      repairs_(times.repair_gap),
      now_(
          loop, [this] { compare(); }, Deferred::Turn::last),
      later_(loop, [this] { compare(); }),
      periodic_(loop, [this] { compare(); }),
      due_(loop, [this] { compare(); }) {
  // Before the first compare, so that nothing happens unseen after it.
  monitor.start([this](const TableEvent& event) { on_event(event); });
}

bool Reconciler::configure(const std::vector<Advertisement>& advertisements, std::vector<Duration> lingers,
                           bool compares) {
  std::map<Advertisement, std::size_t> before;
  for (std::size_t i = 0; i < desired_.size(); ++i) before.emplace(desired_[i].advertisement, i);
  std::vector<Desired> next;
  std::vector<Wish> wishes;
  std::vector<Lease> leases;
  std::vector<AdvertisementState> states;
  next.reserve(advertisements.size());
  wishes.reserve(advertisements.size());
  leases.reserve(advertisements.size());
  states.reserve(advertisements.size());
  for (const auto& what : advertisements) {
    std::erase_if(gone_, [&](const Gone& old) {
      const bool is_back = old.advertisement == what;
      looks_for_lingering_ = looks_for_lingering_ || (is_back && old.state == AdvertisementState::lingering);
      return is_back;
    });
    const auto old = before.extract(what);
    next.push_back({what});
    // Whoever is new is left as it is until somebody says what it is to be.
    wishes.push_back(old.empty() ? Wish::hold : wishes_[old.mapped()]);
    leases.push_back(old.empty() ? Lease() : leases_[old.mapped()]);
    states.push_back(old.empty() ? AdvertisementState::withdrawn : states_[old.mapped()]);
  }
  const auto now = Clock::now();
  for (const auto& [what, i] : before) {
    gone_.push_back(gone_from(i, now));
    repairs_.forget(what);
    to_repair_.erase(what);
  }
  desired_ = std::move(next);
  wishes_ = std::move(wishes);
  leases_ = std::move(leases);
  states_ = std::move(states);
  lingers_ = std::move(lingers);
  lingers_.resize(desired_.size());
  waits_.assign(desired_.size(), {});
  scan_ = true;
  return compares ? compare() : settled_;
}

Reconciler::Gone Reconciler::gone_from(std::size_t i, TimePoint now) const {
  Gone out{desired_[i].advertisement, states_[i]};
  if (states_[i] == AdvertisementState::lingering) out.lingers_until = leases_[i].until;
  if (states_[i] != AdvertisementState::announced) return out;
  out.leaves_at = spacing_.may_withdraw(Spacing::key_of(out.advertisement));
  // The kernel ends what is leased, and that would be a withdrawal that does not linger.
  if (const auto told = leases_[i].told; told != TimePoint())
    out.leaves_at = std::min(out.leaves_at, told - kKernelMayBeEarly);
  if (can_linger(out.advertisement)) out.lingers_until = std::max(now, out.leaves_at) + lingers_[i];
  return out;
}

void Reconciler::end_lingering() {
  for (auto& old : gone_) old.leaves_at = old.lingers_until = {};
}

bool Reconciler::want(const std::vector<Standing>& standing) {
  if (standing.size() != desired_.size()) return false;
  for (std::size_t i = 0; i < standing.size(); ++i) {
    wishes_[i] = standing[i].wish;
    leases_[i].until = standing[i].until;
    leases_[i].leaves_at = standing[i].leaves_at;
  }
  return compare();
}

void Reconciler::inherit(const std::vector<Advertisement>& earlier) {
  for (const auto& what : earlier) {
    const bool configured = std::any_of(desired_.begin(), desired_.end(),
                                        [&](const Desired& one) { return one.advertisement == what; });
    if (!configured) gone_.push_back({what, AdvertisementState::announced});
  }
}

std::vector<bool> Reconciler::find(const std::vector<Advertisement>& advertisements) {
  std::vector<bool> out(advertisements.size());
  std::vector<Desired> held;
  ReadScope scope;
  for (const auto& what : advertisements) {
    held.push_back({what, Wish::hold});
    scope.routes = scope.routes || what.kind == Advertisement::Kind::route;
    if (what.kind == Advertisement::Kind::route && adopt_) scope.unmarked.emplace(what.prefix, what.table);
    if (what.kind == Advertisement::Kind::link) scope.links.insert(what.interface);
  }
  const auto seen = table_.read(scope);
  if (!seen) return out;
  const auto plan = make_plan(held, {}, *seen, adopt_);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = plan.outlooks[i].state == AdvertisementState::announced;
  return out;
}

bool Reconciler::compare() {
  now_.cancel();
  later_.stop();
  const auto now = Clock::now();
  look_at_leases(now);
  std::vector<Former> gone;
  for (const auto& old : gone_) {
    if (old.leaves_at <= now) gone.push_back({old.advertisement, old.lingers_until > now});
  }
  index();
  Failures failures;
  const auto seen = table_.read(scope());
  if (!seen) {
    failures[seen.error()];
    finish(failures, false);
    return settled_;
  }
  auto plan = make_plan(desired_, gone, *seen, adopt_);
  if (const auto rest = hold_back(plan, now); !rest.empty()) plan = make_plan(rest, gone, *seen, adopt_);

  const auto failed = carry_out(plan, failures);
  const bool all_gone =
      std::none_of(plan.changes.begin(), plan.changes.end(), [&](const PlannedChange& change) {
        const auto at = static_cast<std::size_t>(&change - plan.changes.data());
        return change.owner == PlannedChange::kNobody && failed[at];
      });
  looks_for_lingering_ = false;
  for (const auto& news : interfaces_.look(desired_, *seen)) listener_.noticed(news);
  look_at_lingering(*seen);
  note_repairs(plan, failed);
  note_renewals(plan, failed);
  note_changes(plan, failed);
  take_outlooks(plan, failed);
  auto next = take_gone(all_gone && !seen->torn);
  for (const auto until : waits_) {
    if (until > now) next = std::min(next, until);
  }
  // What waited to be renewed, and nobody has said anew.
  for (std::size_t i = 0; i < desired_.size(); ++i) {
    const auto& lease = leases_[i];
    const auto end = lease.told - times_.enough_left;
    if (states_[i] == AdvertisementState::announced && end > now && lease.told < lease.until)
      next = std::min(next, end);
  }
  if (next == TimePoint::max())
    due_.stop();
  else
    due_.start_at(next);
  if (const auto text = repairs_.tell(Clock::now()); !text.empty()) listener_.repaired(text);
  finish(failures, seen->torn);
  if (!plan.changes.empty()) listener_.carried_out(plan.changes.size());
  return settled_;
}

// Also what is to linger no more: it is looked for once again.
bool Reconciler::lingers() const {
  constexpr auto kLingering = AdvertisementState::lingering;
  return std::any_of(desired_.begin(), desired_.end(),
                     [](const Desired& one) { return one.wish == Wish::linger; }) ||
         std::find(states_.begin(), states_.end(), kLingering) != states_.end() ||
         std::any_of(gone_.begin(), gone_.end(), [](const Gone& old) {
           return old.state == kLingering || old.lingers_until != TimePoint();
         });
}

ReadScope Reconciler::scope() {
  ReadScope out;
  out.routes = !routes_.empty();
  out.lingering = looks_for_lingering_ || lingers();
  if (std::exchange(scan_, false)) out.unmarked = routes_;
  for (const auto& each : desired_) {
    if (each.advertisement.kind == Advertisement::Kind::link) out.links.insert(each.advertisement.interface);
  }
  for (const auto& each : gone_) {
    if (each.advertisement.kind == Advertisement::Kind::link) out.links.insert(each.advertisement.interface);
  }
  return out;
}

std::vector<bool> Reconciler::carry_out(Plan& plan, Failures& failures) {
  std::vector<bool> failed(plan.changes.size());
  route_failed_ = false;
  if (plan.changes.empty()) return failed;
  std::vector<Change> changes;
  changes.reserve(plan.changes.size());
  // They come back below: there may be thousands.
  for (auto& planned : plan.changes) changes.push_back(std::move(planned.change));
  const auto results = table_.apply(changes);
  for (std::size_t i = 0; i < results.size(); ++i) {
    failed[i] = !results[i].ok();
    if (failed[i]) ++counts_.netlink_errors;
    if (!failed[i] && renews(changes[i])) ++counts_.lease_renewals;
    route_failed_ = route_failed_ || (failed[i] && std::holds_alternative<AddRoute>(changes[i]));
    if (failed[i]) failures[results[i].error].push_back(to_string(changes[i]));
    plan.changes[i].change = std::move(changes[i]);
  }
  return failed;
}

// The additions that nobody asked for: what we had announced is not there as it should be.
void Reconciler::note_repairs(const Plan& plan, const std::vector<bool>& failed) {
  const auto now = Clock::now();
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    const auto owner = plan.changes[i].owner;
    if (owner == PlannedChange::kNobody || failed[i]) continue;
    if (!is_addition(plan.changes[i].change)) continue;
    const bool waited = to_repair_.erase(desired_[owner].advertisement) > 0;
    const bool stood = states_[owner] == AdvertisementState::announced && !ended_by_kernel(owner, now);
    if (waited || stood) repairs_.note(desired_[owner].advertisement);
  }
}

void Reconciler::take_outlooks(const Plan& plan, const std::vector<bool>& failed) {
  auto next = states_;
  foreign_.clear();
  for (std::size_t i = 0; i < desired_.size(); ++i) {
    next[i] = plan.outlooks[i].state;
    // One without our mark that is only held is to be found again when more is known.
    const bool route = desired_[i].advertisement.kind == Advertisement::Kind::route;
    scan_ = scan_ || (adopt_ && route && desired_[i].wish == Wish::hold);
    if (!plan.outlooks[i].occupant.empty()) {
      foreign_.push_back(plan.outlooks[i].occupant);
      scan_ = scan_ || route;
    }
  }
  // Removals come first: what could not be removed, or mended, is still there, whatever came of the addition.
  std::vector<bool> stuck(desired_.size());
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    const auto owner = plan.changes[i].owner;
    if (owner == PlannedChange::kNobody || !failed[i] || next[owner] == AdvertisementState::foreign) continue;
    const auto* removal = std::get_if<RemoveRoute>(&plan.changes[i].change);
    if (removal != nullptr && removal->seen.lingering) {
      if (next[owner] == AdvertisementState::withdrawn) next[owner] = AdvertisementState::lingering;
      continue;
    }
    if (std::holds_alternative<AddLingering>(plan.changes[i].change)) {
      next[owner] = AdvertisementState::withdrawn;
      continue;
    }
    if (!announces(plan.changes[i].change)) stuck[owner] = true;
    // Most likely somebody else's is there, which was not looked for.
    scan_ = scan_ || std::holds_alternative<AddRoute>(plan.changes[i].change);
    next[owner] = stuck[owner] ? AdvertisementState::announced : AdvertisementState::withdrawn;
  }
  const auto before = std::exchange(states_, std::move(next));
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == before[i]) continue;
    const auto& what = desired_[i].advertisement;
    // Somebody else's doing, where it is not noted as ours.
    if (before[i] == AdvertisementState::announced) spacing_.missed(Spacing::key_of(what), Clock::now());
    if (states_[i] == AdvertisementState::foreign && before[i] != AdvertisementState::announced)
      spacing_.announced(Spacing::key_of(what), Clock::now());
    listener_.changed(what, states_[i]);
    const auto& outlook = plan.outlooks[i];
    if (!outlook.occupant.empty()) {
      listener_.failed(what.to_string() + " is not ours to announce: " + outlook.occupant +
                       " is there without our mark, and is left alone");
    } else if (!outlook.needed.empty()) {
      listener_.failed(what.to_string() + " is left as it is: " + outlook.needed);
    }
  }
}

void Reconciler::look_at_lingering(const Snapshot& seen) {
  const bool wanted = std::any_of(desired_.begin(), desired_.end(), [](const Desired& one) {
    return one.wish == Wish::linger && one.advertisement.prefix.address.family() == Family::ipv6;
  });
  if (wanted && !seen.ipv6_lingers && std::exchange(ipv6_lingers_, false)) {
    listener_.noticed(
        "IPv6 addresses are answered for no longer than they are announced by services that answer from a "
        "wildcard socket: that needs net.ipv6.ip_nonlocal_bind=1");
  }
  if (seen.ipv6_lingers) ipv6_lingers_ = true;
}

// What is over with those that are not configured any more.
TimePoint Reconciler::take_gone(bool all_gone) {
  const auto now = Clock::now();
  auto next = TimePoint::max();
  for (auto& old : std::exchange(gone_, {})) {
    if (old.leaves_at > now) {
      next = std::min(next, old.leaves_at);
      gone_.push_back(old);
      continue;
    }
    const bool lingers = old.lingers_until > now;
    if (lingers) next = std::min(next, old.lingers_until);
    const auto state = lingers ? AdvertisementState::lingering : AdvertisementState::withdrawn;
    if (all_gone && old.state != state && old.state != AdvertisementState::foreign) {
      old.state = state;
      listener_.changed(old.advertisement, state);
    }
    if (!all_gone || lingers) gone_.push_back(old);
  }
  return next;
}

// Returns whether any of them is new.
bool Reconciler::tell_failures(const Failures& failures) {
  std::set<std::string> failing;
  bool news = false;
  for (const auto& [cause, what] : failures) {
    std::vector<std::string> fresh;
    for (const auto& each : what) {
      const auto text = each + ": " + cause;
      if (!failing_.contains(text)) fresh.push_back(each);
      failing.insert(text);
    }
    const bool fresh_cause = what.empty() && !failing_.contains(cause);
    if (what.empty()) failing.insert(cause);
    if (fresh_cause) listener_.failed(cause);
    if (!fresh.empty()) listener_.failed("cannot " + some_of(fresh) + ": " + cause);
    news = news || fresh_cause || !fresh.empty();
  }
  failing_ = std::move(failing);
  return news;
}

std::vector<std::string> Reconciler::problems() const {
  auto out = interfaces_.problems();
  if (!foreign_.empty()) out.push_back(some_of(foreign_) + ": there without our mark, and left alone");
  for (std::size_t i = 0; i < desired_.size(); ++i) {
    const auto& what = desired_[i].advertisement;
    if (what.kind != Advertisement::Kind::link || states_[i] != AdvertisementState::foreign) continue;
    out.push_back(what.to_string() + " is left as it is, since the host needs it");
  }
  if (!failing_.empty()) out.push_back("failed: " + some_of({failing_.begin(), failing_.end()}));
  return out;
}

void Reconciler::finish(const Failures& failures, bool torn) {
  const bool news = tell_failures(failures);
  // The address by which a gateway is reached comes without an event that tells of it.
  periodic_.start(news || torn || route_failed_ ? times_.retry : times_.interval);
  const bool before = std::exchange(settled_, failures.empty() && !torn);
  if (settled_ && !before) listener_.settled();
}

}  // namespace anyprobe
