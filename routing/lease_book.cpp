#include "lease_book.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace anyprobe {
namespace {

// So that the kernel does not end what waits to be withdrawn: that would be a withdrawal that loses packets.
constexpr Duration kBeyondTheWait = std::chrono::seconds(1);

}  // namespace

void LeaseBook::Entry::let_linger(TimePoint now, TimePoint earliest) {
  wish = Wish::linger;
  begins = std::max(now, earliest);
  leased = std::max(until, begins + kBeyondTheWait);
  until = begins + (can_linger() ? terms.linger : Duration());
}

TimePoint LeaseBook::Entry::longest(TimePoint now) const {
  if (wish != Wish::linger) return now + terms.lease;
  return std::max(now, begins) + (can_linger() ? terms.linger : Duration());
}

void LeaseBook::configure(const std::vector<Advertisement>& advertisements, const std::vector<Terms>& terms,
                          const std::vector<bool>& found, TimePoint now) {
  std::map<Advertisement, Entry> before;
  for (auto& entry : entries_) before.emplace(entry.advertisement, entry);
  entries_.clear();
  entries_.reserve(advertisements.size());
  for (std::size_t i = 0; i < advertisements.size(); ++i) {
    Entry entry{advertisements[i], terms.at(i)};
    const auto old = before.find(advertisements[i]);
    if (old != before.end()) {
      entry.wish = old->second.wish;
      entry.begins = old->second.begins;
      entry.leased = old->second.leased;
      entry.until = std::min(old->second.until, entry.longest(now));
    } else if (i < found.size() && found[i]) {
      entry.wish = Wish::hold;
      entry.until = now + entry.terms.lease;
    }
    entries_.push_back(entry);
  }
}

void LeaseBook::take(const std::vector<Wish>& wishes, const std::vector<bool>& mine, TimePoint said,
                     TimePoint now, const Spacing& spacing) {
  if (wishes.size() != entries_.size() || mine.size() != entries_.size()) return;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!mine[i]) continue;
    auto& entry = entries_[i];
    const bool stands = entry.wish != Wish::withdraw && entry.until > now;
    const bool lingers = stands && entry.wish == Wish::linger;
    switch (wishes[i]) {
      case Wish::announce: {
        // Nobody can have said it later than now. What is over by now says nothing.
        const auto end = std::min(said, now) + entry.terms.lease;
        if (end <= now) continue;
        entry.until = entry.wish == Wish::announce ? std::max(entry.until, end) : end;
        break;
      }
      case Wish::linger:
        if (lingers) continue;
        if (stands) {
          entry.let_linger(now, spacing.may_withdraw(Spacing::key_of(entry.advertisement)));
          continue;
        }
        entry.until = {};
        break;
      case Wish::withdraw:
        entry.until = {};
        break;
      case Wish::hold:  // of a prober that knows nothing yet
        if (lingers) continue;
        break;
    }
    entry.wish = wishes[i];
  }
}

void LeaseBook::let_run(const std::vector<bool>& mine) {
  for (std::size_t i = 0; i < entries_.size() && i < mine.size(); ++i) {
    if (mine[i] && entries_[i].wish == Wish::announce) entries_[i].wish = Wish::hold;
  }
}

void LeaseBook::withdraw_all() {
  for (auto& entry : entries_) {
    entry.wish = Wish::withdraw;
    entry.until = {};
  }
}

std::vector<Standing> LeaseBook::standing(TimePoint now) const {
  std::vector<Standing> out;
  for (const auto& entry : entries_) {
    if (entry.waits(now))
      out.push_back({Wish::announce, entry.leased, entry.begins});
    else
      out.push_back({entry.until > now ? entry.wish : Wish::withdraw, entry.until});
  }
  return out;
}

TimePoint LeaseBook::next_end(TimePoint now) const {
  auto out = TimePoint::max();
  for (const auto& entry : entries_) {
    if (entry.waits(now))
      out = std::min(out, entry.begins);
    else if (entry.wish != Wish::withdraw && entry.until > now)
      out = std::min(out, entry.until);
  }
  return out;
}

TimePoint LeaseBook::last_end(TimePoint now) const {
  auto out = now;
  for (const auto& entry : entries_) {
    if (entry.wish != Wish::withdraw) out = std::max(out, entry.until);
  }
  return out;
}

bool LeaseBook::needs_a_keeper(TimePoint now) const {
  return std::any_of(entries_.begin(), entries_.end(), [now](const Entry& entry) {
    const bool lasts = entry.wish == Wish::linger || !kernel_ends(entry.advertisement);
    return entry.wish != Wish::withdraw && entry.until > now && lasts;
  });
}

}  // namespace anyprobe
