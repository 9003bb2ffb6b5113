#include "reconciler.hpp"

#include <algorithm>
#include <utility>

namespace anyprobe {
namespace {

constexpr std::size_t kNamedAtOnce = 3;

std::string some_of(const std::vector<std::string>& texts) {
  std::string out;
  for (std::size_t i = 0; i < std::min(texts.size(), kNamedAtOnce); ++i)
    out += (i == 0 ? "" : ", ") + texts[i];
  if (texts.size() > kNamedAtOnce) out += " and " + std::to_string(texts.size() - kNamedAtOnce) + " more";
  return out;
}

}  // namespace

Reconciler::Reconciler(EventLoop& loop, RouteTable& table, RouteMonitor& monitor,
                       ReconcilerListener& listener, bool adopt, ReconcilerTimes times)
    : table_(table),
      listener_(listener),
      adopt_(adopt),
      times_(times),
      now_(loop, [this] { compare(); }),
      later_(loop, [this] { compare(); }),
      periodic_(loop, [this] { compare(); }) {
  // Before the first compare, so that nothing happens unseen after it.
  monitor.start([this](const TableEvent& event) { on_event(event); });
}

bool Reconciler::configure(const std::vector<Advertisement>& advertisements) {
  std::map<Advertisement, std::size_t> before;
  for (std::size_t i = 0; i < desired_.size(); ++i) before.emplace(desired_[i].advertisement, i);
  std::vector<Desired> next;
  std::vector<AdvertisementState> states;
  for (const auto& what : advertisements) {
    std::erase_if(gone_, [&](const Gone& old) { return old.advertisement == what; });
    const auto old = before.extract(what);
    next.push_back({what, !old.empty() && desired_[old.mapped()].announce});
    states.push_back(old.empty() ? AdvertisementState::withdrawn : states_[old.mapped()]);
  }
  for (const auto& [what, i] : before) {
    gone_.push_back({what, states_[i]});
    repairs_.erase(what);
  }
  desired_ = std::move(next);
  states_ = std::move(states);
  return compare();
}

bool Reconciler::want(const std::vector<bool>& announce) {
  if (announce.size() != desired_.size()) return false;
  for (std::size_t i = 0; i < announce.size(); ++i) desired_[i].announce = announce[i];
  return compare();
}

bool Reconciler::compare() {
  now_.cancel();
  later_.stop();
  std::vector<Advertisement> gone;
  for (const auto& old : gone_) gone.push_back(old.advertisement);
  numbers_.clear();
  for (std::size_t i = 0; i < desired_.size(); ++i) {
    numbers_.emplace(desired_[i].advertisement.prefix.address, i);
  }
  for (const auto& each : gone) numbers_.emplace(each.prefix.address, PlannedChange::kNobody);
  Failures failures;
  const auto seen = table_.read();
  if (!seen) {
    failures[seen.error()];
    finish(failures, false);
    return settled_;
  }
  const auto plan = make_plan(desired_, gone, *seen, adopt_);

  const auto failed = carry_out(plan, failures);
  const bool all_gone =
      std::none_of(plan.changes.begin(), plan.changes.end(), [&](const PlannedChange& change) {
        const auto at = static_cast<std::size_t>(&change - plan.changes.data());
        return change.owner == PlannedChange::kNobody && failed[at];
      });
  look_at_links(*seen);
  note_repairs(plan, failed);
  take_outlooks(plan, failed);
  if (all_gone && !seen->torn) forget_gone();
  tell_repairs();
  finish(failures, seen->torn);
  return settled_;
}

std::vector<bool> Reconciler::carry_out(const Plan& plan, Failures& failures) {
  std::vector<bool> failed(plan.changes.size());
  if (plan.changes.empty()) return failed;
  std::vector<Change> changes;
  for (const auto& planned : plan.changes) changes.push_back(planned.change);
  const auto results = table_.apply(changes);
  for (std::size_t i = 0; i < results.size(); ++i) {
    failed[i] = !results[i].ok();
    if (failed[i]) failures[results[i].error].push_back(to_string(changes[i]));
  }
  return failed;
}

void Reconciler::look_at_links(const Snapshot& seen) {
  std::map<std::string, int> next;
  for (const auto& each : desired_) next.emplace(each.advertisement.interface, 0);
  for (const auto& link : seen.links) {
    if (const auto at = next.find(link.name); at != next.end()) at->second = link.index;
  }
  for (const auto& [name, index] : next) {
    const auto before = links_.find(name);
    const bool was_missing = before != links_.end() && before->second == 0;
    if (index == 0 && !was_missing) listener_.noticed("interface " + name + " is missing: waiting for it");
    if (index != 0 && was_missing) listener_.noticed("interface " + name + " is there");
  }
  links_ = std::move(next);
}

// The additions that nobody asked for: what we had announced is not there as it should be.
void Reconciler::note_repairs(const Plan& plan, const std::vector<bool>& failed) {
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    const auto owner = plan.changes[i].owner;
    if (owner == PlannedChange::kNobody || failed[i]) continue;
    if (!std::holds_alternative<AddAddress>(plan.changes[i].change)) continue;
    if (states_[owner] == AdvertisementState::announced) ++repairs_[desired_[owner].advertisement].untold;
  }
}

void Reconciler::tell_repairs() {
  std::vector<std::string> texts;
  const auto now = Clock::now();
  for (auto& [what, repairs] : repairs_) {
    if (repairs.untold == 0) continue;
    if (repairs.told != TimePoint{} && now - repairs.told < times_.repair_gap) continue;
    texts.push_back(what.to_string() +
                    (repairs.untold == 1 ? "" : " (" + std::to_string(repairs.untold) + " times)"));
    repairs = {now, 0};
  }
  if (!texts.empty()) listener_.repaired("somebody removed or altered " + some_of(texts) + ": put right");
}

void Reconciler::take_outlooks(const Plan& plan, const std::vector<bool>& failed) {
  auto next = states_;
  foreign_.clear();
  for (std::size_t i = 0; i < desired_.size(); ++i) {
    next[i] = plan.outlooks[i].state;
    if (plan.outlooks[i].foreign) foreign_.push_back(*plan.outlooks[i].foreign);
  }
  // Removals come first: what could not be removed, or mended, is still there, whatever came of the addition.
  std::vector<bool> stuck(desired_.size());
  for (std::size_t i = 0; i < plan.changes.size(); ++i) {
    const auto owner = plan.changes[i].owner;
    if (owner == PlannedChange::kNobody || !failed[i] || next[owner] == AdvertisementState::foreign) continue;
    const auto* add = std::get_if<AddAddress>(&plan.changes[i].change);
    if (add == nullptr || add->replace) stuck[owner] = true;
    next[owner] = stuck[owner] ? AdvertisementState::announced : AdvertisementState::withdrawn;
  }
  const auto before = std::exchange(states_, std::move(next));
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] == before[i]) continue;
    const auto& what = desired_[i].advertisement;
    listener_.changed(what, states_[i]);
    if (const auto& foreign = plan.outlooks[i].foreign) {
      listener_.failed(what.to_string() + " is not ours to announce: " + foreign->to_string() +
                       " is there without our mark, and is left alone");
    }
  }
}

void Reconciler::forget_gone() {
  for (const auto& old : std::exchange(gone_, {})) {
    if (old.state == AdvertisementState::announced) {
      listener_.changed(old.advertisement, AdvertisementState::withdrawn);
    }
  }
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

void Reconciler::finish(const Failures& failures, bool torn) {
  const bool news = tell_failures(failures);
  periodic_.start(news || torn ? times_.retry : times_.interval);
  const bool before = std::exchange(settled_, failures.empty() && !torn);
  if (settled_ && !before) listener_.settled();
}

bool Reconciler::concerns_us(const TableEvent& event) const {
  switch (event.kind) {
    case TableEvent::Kind::address:
      return is_news(event);
    case TableEvent::Kind::link:
      return links_.contains(event.interface) ||
             std::any_of(links_.begin(), links_.end(),
                         [&](const auto& link) { return link.second == event.index; });
    case TableEvent::Kind::lost:
      return true;
  }
  return true;
}

// Whether it tells of an address otherwise than we left it. The echoes of our own changes do not, and not
// each of them can be told by its sender.
bool Reconciler::is_news(const TableEvent& event) const {
  const auto [begin, end] = numbers_.equal_range(event.prefix.address);
  return std::any_of(begin, end, [&](const auto& number) {
    const auto i = number.second;
    if (!event.ours) return true;
    if (i == PlannedChange::kNobody) return !event.gone;
    if (event.gone) return desired_[i].announce;
    const auto& what = desired_[i].advertisement;
    const auto link = links_.find(what.interface);
    return states_[i] != AdvertisementState::announced || what.prefix != event.prefix ||
           link == links_.end() || link->second != event.index;
  });
}

void Reconciler::on_event(const TableEvent& event) {
  if (later_.active() || !concerns_us(event)) return;
  const auto now = Clock::now();
  const auto due = last_for_event_ + times_.least_gap;
  if (due <= now) {
    // From a clean stack, so that all events that wait to be read are answered by one compare.
    now_.schedule();
    last_for_event_ = now;
  } else {
    later_.start_at(due);
    last_for_event_ = due;
  }
}

std::vector<std::string> Reconciler::foreign() const {
  std::vector<std::string> out;
  for (const auto& each : foreign_) out.push_back(each.to_string());
  return out;
}

}  // namespace anyprobe
