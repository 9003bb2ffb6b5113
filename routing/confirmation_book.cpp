#include "confirmation_book.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

namespace anyprobe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A change is in the database after 20 to 25 ms, and acknowledged within a second.
constexpr Duration kFirstLook = milliseconds(100);
constexpr Duration kLongestGap = seconds(2);
constexpr Duration kSeldom = seconds(10);
constexpr Duration kWatchedGap = milliseconds(300);
constexpr Duration kPatience = seconds(5);
// Of what was found, if nothing newer is; some rounds may be lost.
constexpr Duration kStale = seconds(45);

// What a link carries, and what another table than main has, no daemon redistributes as that.
bool can_be_told(const Advertisement& what) {
  return what.kind != Advertisement::Kind::link &&
         (what.kind != Advertisement::Kind::route || what.table == kMainTable);
}

std::optional<bool> wanted(const OwnAdvertisement& own) {
  if (own.state == AdvertisementState::foreign) return std::nullopt;
  return own.state == AdvertisementState::announced;
}

std::string in_seconds(Duration duration) {
  char out[32];
  std::snprintf(out, sizeof out, "%.1f s", std::chrono::duration<double>(duration).count());
  return out;
}

const char* daemon_of(const Advertisement& what) {
  return what.prefix.address.family() == Family::ipv4 ? "ospfd" : "ospf6d";
}

std::string likely_cause(const Advertisement& what, bool announced, const Finding& found,
                         const Neighbours& neighbours) {
  const std::string daemon = daemon_of(what);
  if (announced && found.kept) return daemon + " has it but tells nobody: a stub area takes no external LSA";
  if (announced && !found.ours)
    return daemon + " does not announce it: its redistribution is missing, or a filter drops it";
  if (!announced && found.ours)
    return daemon + " still announces it, for another reason than this (a network line, a static route?)";
  if (neighbours.full == 0) return daemon + " has no adjacency";
  return "a neighbour of " + daemon + " has not acknowledged it";
}

bool acknowledged(bool announced, const Neighbours& neighbours) {
  if (neighbours.unacknowledged > 0) return false;
  // Where there is no neighbour any more, there is nobody left to hear of a withdrawal.
  return neighbours.full > 0 || (!announced && neighbours.forming == 0);
}

}  // namespace

// As a rule they are the same as before, in the same order.
void ConfirmationBook::see(const std::vector<OwnAdvertisement>& all, TimePoint now) {
  std::size_t count = 0;
  bool same = true;
  for (const auto& own : all) {
    if (!can_be_told(own.what)) continue;
    same = same && count < entries_.size() && entries_[count].what == own.what;
    ++count;
  }
  if (!same || count != entries_.size()) replace(all, count);
  auto entry = entries_.begin();
  for (const auto& own : all) {
    if (!can_be_told(own.what)) continue;
    entry->index = own.index;
    note(*entry++, wanted(own), now);
  }
}

void ConfirmationBook::replace(const std::vector<OwnAdvertisement>& all, std::size_t count) {
  std::vector<Entry> next;
  next.reserve(count);
  for (const auto& own : all) {
    if (!can_be_told(own.what)) continue;
    const auto* known = find(own.what);
    auto& entry = next.emplace_back(known == nullptr ? Entry() : *known);
    entry.what = own.what;
  }
  entries_ = std::move(next);
  sorted_.resize(entries_.size());
  std::iota(sorted_.begin(), sorted_.end(), 0U);
  std::sort(sorted_.begin(), sorted_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return entries_[a].what < entries_[b].what; });
}

void ConfirmationBook::note(Entry& entry, std::optional<bool> wants, TimePoint now) {
  const bool fresh = !std::exchange(entry.seen, true);
  if (!fresh && entry.wanted == wants) return;
  entry.wanted = wants;
  entry.changed = now;
  entry.gap = kFirstLook;
  entry.due = now + (fresh ? Duration() : kFirstLook);
  entry.confirmed = entry.complained = false;
}

std::optional<std::size_t> ConfirmationBook::place_of(const Advertisement& what) const {
  const auto at = std::lower_bound(
      sorted_.begin(), sorted_.end(), what,
      [&](std::uint32_t each, const Advertisement& wanted) { return entries_[each].what < wanted; });
  return at == sorted_.end() || entries_[*at].what != what ? std::nullopt : std::optional<std::size_t>(*at);
}

const ConfirmationBook::Entry* ConfirmationBook::find(const Advertisement& what) const {
  const auto place = place_of(what);
  return place ? &entries_[*place] : nullptr;
}

ConfirmationBook::Entry* ConfirmationBook::find(const Advertisement& what) {
  const auto place = place_of(what);
  return place ? &entries_[*place] : nullptr;
}

std::vector<ConfirmationBook::Due> ConfirmationBook::due(Family family, TimePoint now,
                                                         std::size_t most) const {
  std::vector<std::pair<TimePoint, Due>> found;
  for (const auto& entry : entries_) {
    if (entry.what.prefix.address.family() == family && entry.due <= now)
      found.push_back({entry.due, {entry.index, entry.what}});
  }
  const auto count = std::min(most, found.size());
  std::partial_sort(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count), found.end(),
                    [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Due> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(found[i].second);
  return out;
}

TimePoint ConfirmationBook::next() const {
  auto out = TimePoint::max();
  for (const auto& entry : entries_) out = std::min(out, entry.due);
  return out;
}

std::set<Prefix> ConfirmationBook::prefixes(Family family) const {
  std::set<Prefix> out;
  for (const auto& entry : entries_) {
    if (entry.what.prefix.address.family() == family) out.insert(entry.what.prefix);
  }
  return out;
}

void ConfirmationBook::take(const Advertisement& what, const Finding& finding, const Neighbours& neighbours,
                            TimePoint asked, TimePoint now, const IpAddress& router_id) {
  router_ids_[what.prefix.address.family() == Family::ipv6 ? 1 : 0] = router_id;
  auto* known = find(what);
  // What was asked before a change says nothing of it; the change has its own time to be asked at.
  if (known == nullptr || known->changed > asked) return;
  auto& entry = *known;
  entry.found = finding;
  entry.asked = asked;
  entry.found_at = now;
  judge(entry, neighbours, now);
  const bool waits = entry.wanted && !entry.confirmed;
  entry.due = now + (waits ? entry.gap : kSeldom);
  if (watched_.contains(what)) entry.due = std::min(entry.due, now + kWatchedGap);
  entry.gap = std::min(2 * entry.gap, kLongestGap);
}

void ConfirmationBook::judge(Entry& entry, const Neighbours& neighbours, TimePoint now) {
  const auto& what = entry.what;
  if (!entry.wanted) return;
  const bool as_wanted = entry.found->ours == *entry.wanted;
  if (entry.confirmed && !as_wanted) {
    entry.confirmed = entry.complained = false;
    entry.changed = now;
    entry.gap = kFirstLook;
  }
  if (entry.confirmed) return;
  const std::string change = *entry.wanted ? "announcement" : "withdrawal";
  const auto since = now - entry.changed;
  entry.confirmed = as_wanted && acknowledged(*entry.wanted, neighbours);
  if (entry.confirmed && std::exchange(entry.complained, false))
    say_(LogLevel::info,
         "the " + change + " of " + what.to_string() + " is confirmed after " + in_seconds(since), what);
  if (entry.confirmed || since < kPatience || std::exchange(entry.complained, true)) return;
  say_(LogLevel::warning,
       "the " + change + " of " + what.to_string() + " is not confirmed after " + in_seconds(since) + ": " +
           likely_cause(what, *entry.wanted, *entry.found, neighbours),
       what);
}

void ConfirmationBook::lose(Family family, TimePoint now) {
  for (auto& entry : entries_) {
    if (entry.what.prefix.address.family() != family) continue;
    entry.found.reset();
    if (entry.due <= now) entry.due = now + (watched_.contains(entry.what) ? kLongestGap : kSeldom);
  }
}

void ConfirmationBook::watch(std::set<Advertisement> watched, TimePoint now) {
  for (const auto& what : watched) {
    auto* entry = find(what);
    if (entry != nullptr && !watched_.contains(what)) entry->due = std::min(entry->due, now);
  }
  watched_ = std::move(watched);
}

std::optional<Sighting> ConfirmationBook::sighting_of(const Advertisement& what) const {
  const auto* known = find(what);
  if (known == nullptr || !known->found) return std::nullopt;
  const auto& entry = *known;
  return Sighting{entry.asked, entry.found->ours, entry.wanted && entry.confirmed, entry.found->others,
                  entry.found->before};
}

Confirmation ConfirmationBook::of(const Advertisement& what, TimePoint now) const {
  const auto* known = find(what);
  if (known == nullptr || !known->found || now - known->found_at > kStale) return {};
  const auto& entry = *known;
  Confirmation out;
  if (entry.wanted) out.confirmed = entry.confirmed;
  out.others = entry.found->others;
  return out;
}

std::optional<Announcers> ConfirmationBook::announcers_of(const Advertisement& what, TimePoint now) const {
  const auto* known = find(what);
  if (known == nullptr || !known->found || now - known->found_at > kStale) return std::nullopt;
  const auto& found = *known->found;
  if (found.routers.size() != found.others + (found.ours ? 1U : 0U)) return std::nullopt;
  const auto& own = router_ids_[what.prefix.address.family() == Family::ipv6 ? 1 : 0];
  Announcers out;
  for (const auto& router : found.routers) out.push_back({router.to_string(), router == own && found.ours});
  return out;
}

}  // namespace anyprobe
