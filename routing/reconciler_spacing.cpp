// What the reconciler knows of changes, and what it holds back because one was made just now.
#include <algorithm>

#include "reconciler.hpp"

namespace anyprobe {
namespace {

Spacing::Key key_of(const Change& change) {
  if (const auto* address = std::get_if<AddAddress>(&change)) return Spacing::key_of(address->prefix);
  if (const auto* route = std::get_if<AddRoute>(&change)) return Spacing::key_of(route->prefix);
  if (const auto* link = std::get_if<SetLink>(&change)) return Spacing::key_of_link(link->name);
  if (const auto* away = std::get_if<RemoveAddress>(&change)) return Spacing::key_of(away->seen.prefix);
  if (const auto* gone = std::get_if<RemoveRoute>(&change)) return Spacing::key_of(gone->seen.prefix);
  return {};
}

bool withdraws(const Change& change) {
  if (const auto* route = std::get_if<RemoveRoute>(&change)) return !route->seen.lingering;
  if (const auto* link = std::get_if<SetLink>(&change)) return !link->up;
  return std::holds_alternative<RemoveAddress>(change);
}

}  // namespace

// What the kernel has ended by itself nobody removed.
bool Reconciler::ended_by_kernel(std::size_t i, TimePoint now) const {
  const auto& lease = leases_[i];
  // Until when an earlier run let stand what it left, only that one knew.
  if (lease.told == TimePoint()) return lease.until != TimePoint::max();
  return lease.told <= now + kKernelMayBeEarly;
}

// What is to be had for now instead, where something of the plan must wait; else nothing. What lingers goes
// on doing so until it is announced.
std::vector<Desired> Reconciler::hold_back(const Plan& plan, TimePoint now) {
  std::fill(waits_.begin(), waits_.end(), TimePoint());
  std::vector<Desired> out;
  for (std::size_t i = 0; i < desired_.size(); ++i) {
    if (leases_[i].leaves_at > now && plan.outlooks[i].state == AdvertisementState::announced)
      waits_[i] = leases_[i].leaves_at;
  }
  for (const auto& [change, owner] : plan.changes) {
    if (owner == PlannedChange::kNobody || !announces(change)) continue;
    const auto key = key_of(change);
    const bool stood = states_[owner] == AdvertisementState::announced;
    if (stood || states_[owner] == AdvertisementState::foreign) spacing_.missed(key, now);
    const bool leaves = leases_[owner].leaves_at > now;
    const auto earliest = spacing_.may_announce(key);
    if (earliest <= now && !leaves) continue;
    if (stood && !leaves && !ended_by_kernel(owner, now)) to_repair_.insert(desired_[owner].advertisement);
    waits_[owner] = leaves ? TimePoint() : earliest;
    if (out.empty()) out = desired_;
    out[owner].wish = Wish::linger;
  }
  return out;
}

// Renewals and what is only put right in place are no changes to the network.
void Reconciler::note_changes(const Plan& plan, const std::vector<bool>& failed) {
  const auto now = Clock::now();
  spacing_.forget(now);
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    const auto& change = plan.changes[i].change;
    if (failed[i]) continue;
    if (announces(change)) spacing_.announced(key_of(change), now);
    if (withdraws(change)) spacing_.withdrawn(key_of(change), now);
  }
}

}  // namespace anyprobe
