#include "prober.hpp"

#include <csignal>

#include <algorithm>
#include <set>
#include <utility>

#include "config_reader.hpp"
#include "log.hpp"
#include "service_log.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

// How long a withdrawal may take at the end or before a stop. The keeper answers within milliseconds; only
// one that is stuck itself takes longer, and then waiting on does not help.
constexpr Duration kPatience = std::chrono::seconds(5);
// Of more services nothing is remembered or counted before somebody asks for it: it takes some 300 octets
// each.
constexpr std::size_t kFewServices = 1000;

bool same(const ServiceConfig& a, const ServiceConfig& b) {
  return a.schedule == b.schedule && a.timeout == b.timeout && a.lease == b.lease && a.health == b.health &&
         a.linger == b.linger && a.lingers_until_shown == b.lingers_until_shown && a.on_close == b.on_close &&
         a.last_instance == b.last_instance && a.need == b.need && a.asks == b.asks &&
         a.advertise == b.advertise && a.has_token == b.has_token && *a.commands == *b.commands;
}

// A third of the shortest lease, so that one that is late does no harm.
Duration time_to_renew(const std::vector<std::unique_ptr<Service>>& services) {
  Duration shortest = std::chrono::seconds(3);
  for (const auto& service : services) {
    const Duration lease = service->config().lease;
    shortest = service == services.front() ? lease : std::min(shortest, lease);
  }
  return shortest / 3;
}

}  // namespace

Prober::Prober(EventLoop& loop, const CommandLine& line, PluginTable& plugins, CommandRunner& commands,
               ProberPart part)
    : loop_(loop),
      line_(line),
      plugins_(plugins),
      commands_(commands),
      part_(part),
      of_services_{[this](Service& service, const HealthEvent& event) { on_event(service, event); },
                   [this](Service& service, const Service::Check& check) { on_check(service, check); }},
      returns_([this](const IpAddress& address) { return is_own(address); }),
      term_(loop, SIGTERM, [this] { terminate("SIGTERM"); }),
      int_(loop, SIGINT, [this] { terminate("SIGINT"); }),
      tstp_(loop, SIGTSTP, [this] { suspend(); }),
      cont_(loop, SIGCONT, [this] { resume(); }),
      hup_(loop, SIGHUP, [this] { reload(); }),
      usr2_(loop, SIGUSR2, [this] { hand_over(); }),
      told_(loop, release_log, Deferred::Turn::last),
      changed_(
          loop, [this] { want(); }, Deferred::Turn::last),
      ask_(
          loop, [this] { ask_who_was_hit(); }, Deferred::Turn::last),
      reindex_(
          loop, [this] { index_endpoints(); }, Deferred::Turn::last),
      stop_(loop, [this] { stop_itself(); }),
      renew_(loop, [this] { want(); }),
      lingered_(loop, [this] { leave(); }),
      tend_(loop, [this] { tend(); }) {}

Prober::~Prober() {
  release_log();
}

ConfigErrors Prober::configure(const std::vector<SourceFile>& files, const Circumstances& circumstances) {
  ConfigErrors errors;
  documents_ = assemble(line_, files, errors);
  if (!errors.empty()) return errors;

  std::map<std::string, std::unique_ptr<Service>*> running;
  for (auto& service : services_) running.emplace(service->name(), &service);
  ConfigContext context;
  context.loop = &loop_;
  context.plugins = &plugins_;
  context.prepares = true;
  context.part = part_;
  context.commands = &commands_;
  context.running = [&](const std::string& name, const ProbesDigest& asks) -> const std::vector<Endpoint>* {
    const auto it = running.find(name);
    if (it == running.end()) return nullptr;
    const auto& service = **it->second;
    return service.config().asks == asks ? &service.endpoints() : nullptr;
  };
  auto config = load_config(documents_, context, errors);
  if (!errors.empty()) return errors;

  line_.change_log(config.log);
  std::vector<std::unique_ptr<Service>> next;
  std::vector<Place> places;
  std::vector<ServiceElsewhere> elsewhere;
  std::size_t advertisements = 0;
  std::size_t added = 0;
  std::size_t changed = 0;
  auto found = circumstances.found.begin();
  if (circumstances.suspended && !configured_) {
    suspended_ = true;
    stop_.schedule();
  }
  for (auto& service : config.services) {
    const auto count = service.advertise.size();
    const auto first = std::exchange(advertisements, advertisements + count);
    bool held = false;
    for (std::size_t i = 0; i < count && found != circumstances.found.end(); ++i) {
      // That the token of its drains is there says nothing of the service.
      held = held || (*found && i < service.served().size());
      ++found;
    }
    if (part_ != ProberPart::whole && service.part != part_) {
      places.push_back({nullptr, count});
      if (part_ == ProberPart::built_in)
        elsewhere.push_back({service.name, std::move(service.advertise), service.has_token, first});
      continue;
    }
    const auto known = running.find(service.name);
    if (known == running.end()) {
      // Of those that run, we know it better than the keeper: the last word may be on its way.
      const auto place = places.size();
      if (place < circumstances.drained.size() && circumstances.drained[place]) drained_.insert(service.name);
      next.push_back(std::make_unique<Service>(loop_, std::move(service), of_services_, &returns_));
      warn_of_detours(*next.back());
      if (!suspended_) next.back()->start(added, config.services.size(), held);
      if (held) taken_up_.insert(next.back()->name());
      ++added;
      places.push_back({next.back().get(), count});
      continue;
    }
    auto& old = *known->second;
    if (!same(old->config(), service)) {
      old->reconfigure(std::move(service));
      warn_of_detours(*old);
      ++changed;
    }
    next.push_back(std::move(old));
    places.push_back({next.back().get(), count});
  }
  const auto removed =
      std::count_if(services_.begin(), services_.end(), [](const auto& s) { return s != nullptr; });
  if (configured_) {
    log(LogLevel::info, "configuration read again: " + std::to_string(added) + " services added, " +
                            std::to_string(changed) + " changed, " + std::to_string(removed) + " removed, " +
                            std::to_string(next.size() - added - changed) + " untouched");
  }
  // By the old table, which has their hooks.
  for (const auto& gone : services_) {
    if (gone != nullptr && gone->up() && !suspended_) add_hook(*gone, HookState::down, "removed");
  }
  run_hooks();
  commands_.use(std::move(config.commands));
  services_ = std::move(next);
  places_ = std::move(places);
  elsewhere_ = std::move(elsewhere);
  configured_ = true;
  lsa_spacing_ = config.lsa_spacing;
  lsa_flooding_ = config.lsa_flooding;
  if (services_.size() <= kFewServices) {
    for (const auto& service : services_) service->keep_history();
  }
  if (counts_ || config.metrics || services_.size() <= kFewServices) count();
  set_up_queues();
  index_endpoints();
  renew_.start(time_to_renew(services_));
  return errors;
}

void Prober::count() {
  counts_ = true;
  for (const auto& service : services_) service->count();
}

std::string Prober::drain(const std::vector<std::string>& names, bool force) {
  return administer(names, true, force);
}

std::string Prober::resume(const std::vector<std::string>& names) {
  return administer(names, false, true);
}

std::string Prober::wrong_with_order(const std::vector<std::string>& names) const {
  if (suspended_) return "suspended: CONT resumes it";
  if (leaving_) return "about to end";
  for (const auto& name : names) {
    const auto is_it = [&](const auto& service) { return service->name() == name; };
    if (std::none_of(services_.begin(), services_.end(), is_it))
      return "there is no service " + in_quotes(name);
  }
  return {};
}

std::string Prober::administer(const std::vector<std::string>& names, bool drain, bool force) {
  if (auto wrong = wrong_with_order(names); !wrong.empty()) return wrong;
  std::set<std::string> wanted(names.begin(), names.end());
  for (const auto& service : services_) {
    if (names.empty()) wanted.insert(service->name());
    if (force || !wanted.contains(service->name()) || drained(service->name())) continue;
    if (auto held = held_by_another(*service); !held.empty()) return held;
    if (auto last = last_of(*service); !last.empty()) return last;
  }
  set_drained(wanted, drain);
  return {};
}

void Prober::set_drained(const std::set<std::string>& names, bool drain) {
  for (const auto& service : services_) {
    const auto& name = service->name();
    if (!names.contains(name)) continue;
    if (const auto found = queues_.find(name); found != queues_.end())
      drain ? found->second.queue.hold() : found->second.queue.resume();
    if (drain == drained(name)) continue;
    log(LogLevel::info, name + (drain ? ": drained by hand" : ": resumed by hand"),
        {{"service", name}, {"admin", drain ? "drained" : "active"}});
    if (drain) {
      drained_.insert(name);
      continue;
    }
    drained_.erase(name);
    // It has most likely been restarted meanwhile, and what is known of it is from before.
    returning_.insert(name);
    service->ask_afresh();
  }
  std::vector<bool> flags;
  for (const auto& place : places_)
    flags.push_back(place.service != nullptr && drained(place.service->name()));
  link_->keep_drained(flags);
  tend_.start(Duration());
  want();
}

Wish Prober::wish_of(Service& service) const {
  if (suspended_ || left_) return Wish::withdraw;
  if (leaving_) return Wish::linger;
  // The loop may have stood still since the last answer: what is said now must be so now.
  service.look_at_age();
  if (drained(service.name())) return service.state() == HealthState::down ? Wish::withdraw : Wish::linger;
  if (service.state() == HealthState::unknown)
    return returning_.contains(service.name()) ? Wish::linger : Wish::hold;
  return service.up() ? Wish::announce : Wish::withdraw;
}

std::vector<Wish> Prober::wishes() {
  std::vector<Wish> out;
  for (const auto& place : places_) {
    if (place.service == nullptr)
      out.insert(out.end(), place.advertisements, Wish::hold);
    else
      add_wishes(*place.service, out);
  }
  return out;
}

void Prober::add_wishes(Service& service, std::vector<Wish>& to) {
  const auto wish = wish_of(service);
  const bool keeps = wish == Wish::withdraw && keeps_any(service);
  for (const auto& what : service.config().served()) {
    auto& mine = to.emplace_back(wish);
    if (keeps && service.last_instance().keeps(what)) mine = Wish::announce;
    if (keeps && service.last_instance().leaves_open(what)) mine = Wish::hold;
    if (wish == Wish::linger && has_lingered(service, what)) mine = Wish::withdraw;
  }
  if (service.config().token() != nullptr) to.push_back(wish_for_token(service));
}

// Also where nothing is announced: that something is said shows that the loop turns.
void Prober::want() {
  link_->want(wishes());
  release_log();
  changed_.cancel();
  run_hooks();
  renew_.start(time_to_renew(services_));
}

void Prober::on_event(Service& service, const HealthEvent& event) {
  // A withdrawal waits for no line of the log. What was scheduled first comes last.
  hold_log();
  told_.schedule();
  log_event(service, event);
  if (event.kind != HealthEvent::Kind::changed) return;
  note_last_instance(service, event);
  returning_.erase(service.name());
  // All that changes in one pass of the loop goes to the kernel as one batch.
  changed_.schedule();
  if (event.to == HealthState::up) add_hook(service, HookState::up, event.reason);
  if (event.from == HealthState::up) add_hook(service, HookState::down, event.reason);
}

void Prober::start_all() {
  std::size_t position = 0;
  for (const auto& service : services_) service->start(position++, services_.size());
}

void Prober::terminate(const char* signal) {
  if (leaving_) return;
  log(LogLevel::info, std::string(signal) + ": withdrawing everything and leaving");
  Duration linger{};
  for (const auto& service : services_) {
    if (service->up() && !suspended_) add_hook(*service, HookState::down, "terminated");
    linger = std::max(linger, service->config().linger);
    service->stop();
  }
  leaving_ = true;
  changed_.cancel();
  if (suspended_) return leave();
  want();
  // look() ends it sooner, as a rule.
  lingered_.start(lsa_spacing_ + linger);
}

void Prober::leave() {
  if (std::exchange(left_, true)) return;
  renew_.stop();
  lingered_.stop();
  tend_.stop();
  link_->want(wishes());
  if (!link_->settle(kPatience)) log(LogLevel::error, "the withdrawal was not confirmed in time");
  run_hooks();
  loop_.stop();
}

void Prober::suspend() {
  if (suspended_ || leaving_) return;
  suspended_ = true;
  taken_up_.clear();
  for (const auto& service : services_) service->stop();
  changed_.cancel();
  link_->tell_suspended(true);
  link_->want(wishes());
  const bool settled = link_->settle(kPatience);
  log(settled ? LogLevel::info : LogLevel::error,
      settled ? "SIGTSTP: everything is withdrawn, suspended until SIGCONT"
              : "SIGTSTP: the withdrawal was not confirmed in time; suspended until SIGCONT");
  run_hooks_of_all_up("suspended");
  stop_itself();
}

void Prober::stop_itself() {
  renew_.stop();
  release_log();
  // In an orphaned process group, SIGTSTP's default action does nothing.
  raise(SIGSTOP);
}

void Prober::hand_over() {
  if (leaving_) return;
  log(LogLevel::info, "SIGUSR2: leaving what is announced to the next run");
  if (!suspended_) link_->want(wishes());
  leaving_ = true;
  for (const auto& service : services_) service->stop();
  changed_.cancel();
  renew_.stop();
  link_->hand_over();
  loop_.stop();
}

void Prober::resume() {
  if (leaving_) return;
  if (!suspended_) {
    // Stopped by something else, or not at all: an address that is held rightly is not dropped for that.
    for (const auto& service : services_) service->catch_up();
    return;
  }
  suspended_ = false;
  log(LogLevel::info, "SIGCONT: starting afresh");
  link_->tell_suspended(false);
  start_all();
  tend();
  want();
}

}  // namespace anyprobe
