// What is left of the leases, and which of them the kernel is told of anew.
#include <chrono>

#include "reconciler.hpp"

namespace anyprobe {
namespace {

// What is left of a lease, in the whole seconds that the kernel counts in.
Lifetime left_of(TimePoint until, TimePoint now) {
  if (until == TimePoint::max()) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(until - now);
}

// Not each time that a lease is said anew, since changes of others are said in between. It is said when a
// third of it is used up, and what has enough left beyond the next time waits for that.
bool is_due(TimePoint until, TimePoint told, TimePoint now, Duration enough) {
  if (until == TimePoint::max()) return false;
  const auto left = told - now;
  const auto whole = until - now;
  if (left > whole) return true;
  return left * 6 < whole * 5 && left - whole / 3 < enough;
}

}  // namespace

// A lease that is over is no longer what was wished, however late we are.
void Reconciler::look_at_leases(TimePoint now) {
  for (std::size_t i = 0; i < desired_.size(); ++i) {
    auto& desired = desired_[i];
    const auto& lease = leases_[i];
    desired.wish = lease.until > now ? wishes_[i] : Wish::withdraw;
    desired.lifetime = left_of(lease.until, now);
    desired.renew = is_due(lease.until, lease.told, now, times_.enough_left);
    if (!to_repair_.empty() && desired.wish != Wish::announce) to_repair_.erase(desired.advertisement);
  }
}

void Reconciler::note_renewals(const Plan& plan, const std::vector<bool>& failed) {
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    const auto owner = plan.changes[i].owner;
    if (owner == PlannedChange::kNobody || failed[i]) continue;
    const auto& change = plan.changes[i].change;
    if (std::holds_alternative<AddAddress>(change) || std::holds_alternative<AddRoute>(change))
      leases_[owner].told = leases_[owner].until;
  }
}

}  // namespace anyprobe
