#include "prober.hpp"

#include <csignal>

#include <algorithm>

#include "config_reader.hpp"
#include "log.hpp"

namespace anyprobe {
namespace {

using std::chrono::milliseconds;

// How long a withdrawal may take at the end or before a stop. The keeper answers within milliseconds; only
// one that is stuck itself takes longer, and then waiting on does not help.
constexpr Duration kPatience = std::chrono::seconds(5);

std::string rounded(Duration duration) {
  const auto ms = std::chrono::duration_cast<milliseconds>(duration);
  if (ms < std::chrono::seconds(10)) return format_duration(ms);
  return format_duration(std::chrono::duration_cast<std::chrono::seconds>(ms));
}

bool same(const ServiceConfig& a, const ServiceConfig& b) {
  return a.schedule == b.schedule && a.timeout == b.timeout && a.health == b.health && a.need == b.need &&
         a.asks == b.asks && a.advertise == b.advertise;
}

std::string explained(std::string_view reason, const std::string& detail) {
  return std::string(reason) + (detail.empty() ? "" : ", " + detail);
}

std::string damping_note(const HealthEvent& event) {
  if (event.penalty <= 0) return {};
  return "; damping: penalty " + std::to_string(static_cast<int>(event.penalty)) +
         (event.suppressed ? ", suppressed" : "");
}

}  // namespace

Prober::Prober(EventLoop& loop, const CommandLine& line, PluginTable& plugins)
    : loop_(loop),
      line_(line),
      plugins_(plugins),
      term_(loop, SIGTERM, [this] { terminate("SIGTERM"); }),
      int_(loop, SIGINT, [this] { terminate("SIGINT"); }),
      tstp_(loop, SIGTSTP, [this] { suspend(); }),
      cont_(loop, SIGCONT, [this] { resume(); }),
      hup_(loop, SIGHUP, [this] { link_->request_reload(); }),
      changed_(loop, [this] { link_->want(wanted()); }) {}

ConfigErrors Prober::configure(const std::vector<SourceFile>& files) {
  ConfigErrors errors;
  const auto documents = assemble(line_, files, errors);
  if (!errors.empty()) return errors;

  std::map<std::string, Service*> running;
  for (const auto& service : services_) running.emplace(service->name(), service.get());
  ConfigContext context;
  context.loop = &loop_;
  context.plugins = &plugins_;
  context.running = [&](const std::string& name, const std::string& asks) -> const std::vector<Endpoint>* {
    const auto it = running.find(name);
    return it != running.end() && it->second->config().asks == asks ? &it->second->endpoints() : nullptr;
  };
  auto config = load_config(documents, context, errors);
  if (!errors.empty()) return errors;

  line_.change_log(config.log);
  std::vector<std::unique_ptr<Service>> next;
  std::size_t added = 0;
  std::size_t changed = 0;
  for (auto& service : config.services) {
    const auto old = std::find_if(services_.begin(), services_.end(),
                                  [&](const auto& s) { return s != nullptr && s->name() == service.name; });
    if (old == services_.end()) {
      next.push_back(std::make_unique<Service>(
          loop_, std::move(service), [this](Service& s, const HealthEvent& event) { on_event(s, event); },
          [this](Service& s, const Service::Check& check) { on_check(s, check); }));
      if (!suspended_) next.back()->start(added);
      ++added;
      continue;
    }
    if (!same((*old)->config(), service)) {
      (*old)->reconfigure(std::move(service));
      ++changed;
    }
    next.push_back(std::move(*old));
  }
  const auto removed =
      std::count_if(services_.begin(), services_.end(), [](const auto& s) { return s != nullptr; });
  if (configured_) {
    log(LogLevel::info, "configuration read again: " + std::to_string(added) + " services added, " +
                            std::to_string(changed) + " changed, " + std::to_string(removed) + " removed, " +
                            std::to_string(next.size() - added - changed) + " untouched");
  }
  services_ = std::move(next);
  configured_ = true;
  return errors;
}

std::vector<bool> Prober::wanted() const {
  std::vector<bool> out;
  for (const auto& service : services_) {
    out.insert(out.end(), service->config().advertise.size(), service->up() && !suspended_);
  }
  return out;
}

void Prober::on_event(Service& service, const HealthEvent& event) {
  if (event.kind == HealthEvent::Kind::held) {
    log(LogLevel::info,
        service.name() + ": answers again, held back by " + std::string(event.held_by) + " for " +
            rounded(event.held_for) + damping_note(event),
        {{"service", service.name()}, {"state", to_string(event.to)}, {"reason", event.held_by}});
    return;
  }
  log(event.to == HealthState::up ? LogLevel::info : LogLevel::warning,
      service.name() + ": " + to_string(event.to) + " (" + explained(event.reason, event.detail) + "), was " +
          to_string(event.from) + " for " + rounded(event.lasted) + damping_note(event),
      {{"service", service.name()},
       {"state", to_string(event.to)},
       {"reason", event.reason},
       {"detail", event.detail}});
  // All that changes in one pass of the loop goes to the kernel as one batch.
  changed_.schedule();
}

void Prober::on_check(const Service& service, const Service::Check& check) {
  const auto& result = check.result;
  const bool conclusive = result.verdict == Verdict::fail && result.evidence == Evidence::conclusive;
  const char* verdict = result.verdict == Verdict::pass   ? "pass"
                        : result.verdict == Verdict::fail ? "fail"
                                                          : "local_error";
  const bool news = result.verdict == Verdict::local_error && check.before != Verdict::local_error;
  log(news ? LogLevel::warning : LogLevel::debug,
      service.name() + ": " + verdict + (conclusive ? " for certain" : "") + " (" +
          explained(result.reason, result.detail) + ")",
      {{"service", service.name()},
       {"verdict", verdict},
       {"reason", result.reason},
       {"detail", result.detail}});
}

void Prober::start_all() {
  std::size_t position = 0;
  for (const auto& service : services_) service->start(position++);
}

void Prober::terminate(const char* signal) {
  log(LogLevel::info, std::string(signal) + ": withdrawing everything and leaving");
  for (const auto& service : services_) service->stop();
  suspended_ = leaving_ = true;
  changed_.cancel();
  link_->want(wanted());
  if (!link_->settle(kPatience)) log(LogLevel::error, "the withdrawal was not confirmed in time");
  loop_.stop();
}

void Prober::suspend() {
  if (suspended_) return;
  suspended_ = true;
  for (const auto& service : services_) service->stop();
  changed_.cancel();
  link_->want(wanted());
  const bool settled = link_->settle(kPatience);
  log(settled ? LogLevel::info : LogLevel::error,
      settled ? "SIGTSTP: everything is withdrawn, suspended until SIGCONT"
              : "SIGTSTP: the withdrawal was not confirmed in time; suspended until SIGCONT");
  // In an orphaned process group, SIGTSTP's default action does nothing.
  raise(SIGSTOP);
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
  start_all();
}

}  // namespace anyprobe
