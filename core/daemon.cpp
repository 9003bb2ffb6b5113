#include "daemon.hpp"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <thread>

#include "background.hpp"
#include "config_reader.hpp"
#include "control_socket.hpp"
#include "daemon_roles.hpp"
#include "dry_run.hpp"
#include "exit_codes.hpp"
#include "instance_lock.hpp"
#include "instance_state.hpp"
#include "log.hpp"
#include "named_sockets.hpp"
#include "own_process.hpp"
#include "privileges.hpp"
#include "routing/keeper.hpp"
#include "routing/netlink_monitor.hpp"
#include "routing/netlink_table.hpp"
#include "routing/reconciler.hpp"
#include "runner_host.hpp"
#include "service_manager.hpp"
#include "status.hpp"

namespace anyprobe {
namespace {

constexpr const char* kKeeperName = "anyprobe-keeper";
constexpr std::size_t kManyChanges = 256;

// What the reconciler sees, in the log.
class ReconcilerLog final : public ReconcilerListener {
 public:
  std::function<void()> on_settled;
  std::function<void(std::size_t changes)> on_carried_out;
  std::function<void()> on_news;  // a state or a problem is another: not yet where this is called

  void changed(const Advertisement& what, AdvertisementState state) override {
    news();
    if (state == AdvertisementState::foreign) return;  // failed() tells more of it
    const char* word = to_string(state);
    const auto text = what.to_string();
    log(LogLevel::info, std::string(word) + " " + text, {{"advertisement", text}, {"state", word}});
  }
  void repaired(const std::string& text) override { log(LogLevel::warning, text); }
  void noticed(const std::string& text) override {
    news();
    log(LogLevel::warning, text);
  }
  void failed(const std::string& text) override {
    news();
    log(LogLevel::error, text);
  }
  void settled() override {
    if (on_settled) on_settled();
  }
  void carried_out(std::size_t changes) override {
    if (on_carried_out) on_carried_out(changes);
  }

 private:
  void news() const {
    if (on_news) on_news();
  }
};

// `documents`: what read_files() made of the files; empty where something is wrong with them.
Outcome<Keeper::View> understand(const CommandLine& line, PluginTable& plugins,
                                 const std::vector<SourceFile>& files,
                                 std::vector<ConfigDocument>& documents) {
  ConfigErrors errors;
  if (documents.empty()) documents = assemble(line, files, errors);
  if (!errors.empty()) return Error{errors.lines().front()};
  ConfigContext context;
  context.plugins = &plugins;
  auto config = load_config(documents, context, errors);
  if (!errors.empty()) return Error{errors.lines().front()};
  Keeper::View view;
  view.user = config.user;
  view.log = config.log;
  view.commands = std::move(config.commands);
  view.lsa_spacing = config.lsa_spacing;
  view.has_modules = !config.plugins.empty();
  view.vty_dir = config.vty_dir;
  view.sockets = {config.metrics, config.agent};
  std::size_t advertisements = 0;
  for (const auto& service : config.services) advertisements += service.advertise.size();
  view.services.reserve(config.services.size());
  view.advertisements.reserve(advertisements);
  view.leases.reserve(advertisements);
  view.lingers.reserve(advertisements);
  view.lingers_removed.reserve(advertisements);
  view.parts.reserve(advertisements);
  for (const auto& service : config.services) {
    const auto count = service.advertise.size();
    view.services.push_back({service.name, service.part, service.advertise.size(), service.served().size()});
    view.advertisements.insert(view.advertisements.end(), service.advertise.begin(), service.advertise.end());
    view.leases.insert(view.leases.end(), count, service.lease);
    const auto served = service.served().size();
    view.lingers.insert(view.lingers.end(), served, service.linger);
    view.lingers_removed.insert(view.lingers_removed.end(), served,
                                service.lingers_until_shown ? kUsualLinger : service.linger);
    view.lingers.resize(view.advertisements.size());
    view.lingers_removed.resize(view.advertisements.size());
    view.parts.insert(view.parts.end(), count, service.part);
  }
  return view;
}

// Links that are to be set up and down although the host needs them as they are.
std::vector<std::string> needed_links(RouteTable& table, const Keeper::View& view) {
  ReadScope scope;
  for (const auto& what : view.advertisements) {
    if (what.kind == Advertisement::Kind::link) scope.links.insert(what.interface);
  }
  if (scope.links.empty()) return {};
  const auto seen = table.read(scope);
  if (!seen) return {seen.error()};
  std::vector<std::string> out;
  for (const auto& link : seen->links) {
    if (!link.needed.empty()) out.push_back("link " + link.name + " must not be set down: " + link.needed);
  }
  return out;
}

InstanceState recall(const CommandLine& line) {
  auto state = load_state(line.run_dir, line.instance());
  if (state) return std::move(state).value();
  log(LogLevel::warning, state.error() + ": what an earlier run left is not known");
  return {};
}

void remember(const CommandLine& line, const InstanceState& state) {
  const auto wrong = save_state(line.run_dir, line.instance(), state);
  if (!wrong.empty()) log(LogLevel::warning, wrong + ": the next run will not know what this one held");
}

// The kernel ends the leases of addresses by itself. Those of routes and links a process looks after that is
// there until the next run has begun, or has not begun in time.
void leave_to_next_run(const CommandLine& line, Keeper& keeper, InstanceLock& lock) {
  const auto now = Clock::now();
  const auto end = keeper.leases().last_end(now);
  auto state = recall(line);
  state.handed_over_until = end;
  remember(line, state);
  if (!keeper.leases().needs_a_keeper(now) || fork() != 0) return;
  lock.release_in_child();
  prctl(PR_SET_NAME, kKeeperName);
  for (;;) {
    const auto next = keeper.leases().next_end(Clock::now());
    if (next != TimePoint::max()) std::this_thread::sleep_until(next);
    InstanceLock::Failure failure;
    const auto own = InstanceLock::acquire(line.run_dir, line.instance(), failure);
    if (own == nullptr) break;
    if (next == TimePoint::max()) {
      keeper.withdraw_leftovers();
      break;
    }
    log(LogLevel::warning, "no other run has taken over in time: withdrawing what was left to it");
    keeper.end_leases();
  }
  // Neither the loop nor what else is shared with the parent is to be taken down twice.
  _exit(kDone);
}

// Of one user; elsewhere a command has its own user's groups.
void tell_what_commands_have() {
  std::string names;
  for (const auto& name : shared_groups()) names += (names.empty() ? "" : ", ") + name;
  if (names.empty()) return;
  log(LogLevel::warning, "commands run with all groups that this was started with (" + names +
                             "), where frrvty is one that they may configure FRR");
}

// There as long as the modules' prober has had reason to be: a socket that nobody answers is taken for a
// hang.
int control_of_modules(const CommandLine& line, std::unique_ptr<ControlSocket>& kept) {
  if (kept == nullptr) {
    auto control = ControlSocket::open(line.run_dir, line.instance() + kModulesEnding);
    if (!control) {
      log(LogLevel::warning, control.error() + ": the status of modules cannot be asked");
      return -1;
    }
    kept = std::move(control).value();
  }
  return kept->get();
}

int keep(const CommandLine& line, PluginTable& plugins, const std::string& folder, Background& background) {
  const auto fail = [&](const std::string& what) { complain(line, what); };
  InstanceLock::Failure failure;
  const auto lock = InstanceLock::acquire(line.run_dir, line.instance(), failure);
  if (lock == nullptr) {
    fail(failure.what);
    return failure.taken ? kAlreadyRunning : kSystem;
  }
  prctl(PR_SET_NAME, kKeeperName);
  if (const auto wrong = limit_keeper(); !wrong.empty()) {
    fail(wrong);
    return kSystem;
  }
  // By then it is in the group that the socket is for.
  const auto control = ControlSocket::open(line.run_dir, line.instance());
  if (!control) {
    fail(control.error());
    return kSystem;
  }

  EventLoop loop;
  ReconcilerLog listener;
  NetlinkTable table;
  NetlinkMonitor monitor(loop, table);
  Reconciler reconciler(loop, table, monitor, listener, line.adopt);
  Keeper::Hooks hooks;
  // Of the files that were read last. They go while the prober reads its own: of thousands of services that
  // takes a while, for which it would wait.
  std::vector<ConfigDocument> documents;
  Deferred forget(loop, [&] {
    documents.clear();
    give_back_memory();
  });
  hooks.read = [&] { return read_files(line, &documents); };
  bool sealed = false;
  hooks.understand = [&](const std::vector<SourceFile>& files) {
    forget.schedule();
    return understand(line, plugins, files, documents);
  };
  hooks.object = [&](const Keeper::View& view) {
    auto out = needed_links(table, view);
    if (sealed && !view.commands.commands.empty()) {
      out.push_back(
          view.commands.commands.front().name.to_string() +
          " is the first command: it wants a restart, since the keeper gave up what a runner needs");
    }
    return out;
  };
  hooks.prepare = [&](const Keeper::View& view) {
    sealed = view.commands.commands.empty();
    if (!sealed) tell_what_commands_have();
    return sealed ? seal_keeper() : std::string();
  };
  hooks.spawn = [&](int socket, const Keeper::View& view, ProberPart part) {
    const std::string letter(1, part == ProberPart::modules ? kModulesLetter : kBuiltInLetter);
    return spawn_self(line.arguments, kProberVariable, letter + view.user, socket, folder);
  };
  hooks.spawn_runner = [&](int socket) {
    return spawn_self(line.arguments, kRunnerVariable, "1", socket, folder);
  };
  auto state = recall(line);
  auto drained = std::move(state.drained);
  const auto keep_state = [&](const std::vector<Advertisement>& all) {
    InstanceState now;
    now.advertisements = all;
    now.drained = drained;
    remember(line, now);
  };
  Keeper* at_work = nullptr;
  hooks.recall = [&] { return std::exchange(state.advertisements, {}); };
  hooks.remember = keep_state;
  hooks.recall_drained = [&] { return drained; };
  hooks.remember_drained = [&](const std::set<std::string>& names) {
    drained = names;
    keep_state(at_work->remembered());
  };
  std::unique_ptr<ControlSocket> modules_control;
  Timer settled(loop, give_back_memory);
  NamedSockets sockets(loop, [&](SocketName name) {
    if (at_work != nullptr) at_work->socket_changed(name);
  });
  hooks.socket = [&](SocketName name) { return sockets.opened(name); };
  hooks.problems = [&] { return sockets.problems(); };
  hooks.accepted = [&](const Keeper::View& view) {
    settled.start(kSettled);
    sockets.want(view.sockets);
    line.change_log(view.log);
    if (!view.has_modules) modules_control.reset();
  };
  ServiceManager manager(loop);
  hooks.running = [&](pid_t prober) {
    lock->write_pid(prober);
    background.tell(kDone);
    manager.ready();
  };
  hooks.leaving = [] { ServiceManager::stopping(); };
  hooks.fail = fail;
  hooks.control = [&](ProberPart part) {
    return part == ProberPart::modules ? control_of_modules(line, modules_control) : (*control)->get();
  };
  hooks.changed = [&] { manager.changed(); };
  Keeper keeper(loop, reconciler, line.adopt, std::move(hooks));
  manager.status_by([&] { return keeper.summary(); });
  at_work = &keeper;
  listener.on_settled = [&] { keeper.tell_applied(); };
  listener.on_news = [&] { keeper.tell_soon(); };
  // Leases of thousands of addresses are renewed together: what that takes is not kept in between.
  Deferred behind(loop, give_back_memory, Deferred::Turn::last);
  listener.on_carried_out = [&](std::size_t changes) {
    if (changes >= kManyChanges) behind.schedule();
  };
  const int code = keeper.run();
  if (keeper.handed_over()) leave_to_next_run(line, keeper, *lock);
  return code;
}

}  // namespace

int run_daemon(const CommandLine& given, PluginTable& plugins) {
  auto line = given;
  // The background runs in /, so what was given relative to here is made absolute now.
  if (!line.config.empty()) line.config = std::filesystem::absolute(line.config).string();
  line.run_dir = std::filesystem::absolute(line.run_dir).string();
  if (!line.dry_run && !may_administer_network()) {
    complain(line, "CAP_NET_ADMIN is needed to change addresses (start as root, or try --dry-run)");
    return kNoPermission;
  }
  std::error_code unknown;
  const auto folder = std::filesystem::current_path(unknown).string();
  std::signal(SIGPIPE, SIG_IGN);
  umask(022);
  open_the_log(line);
  Background background;
  if (!in_foreground(line)) {
    if (const auto code = background.detach()) return *code;
    if (chdir("/") != 0) return kSystem;
  }
  const int code = line.dry_run ? run_dry(line, plugins, background, hear_of_host)
                                : keep(line, plugins, folder, background);
  background.tell(code);
  return code;
}

}  // namespace anyprobe
