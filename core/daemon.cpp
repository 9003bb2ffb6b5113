#include "daemon.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "anyprobe_features.hpp"
#include "background.hpp"
#include "control_server.hpp"
#include "control_socket.hpp"
#include "dry_run.hpp"
#include "exit_codes.hpp"
#include "instance_lock.hpp"
#include "instance_state.hpp"
#include "log.hpp"
#include "own_process.hpp"
#include "privileges.hpp"
#include "prober.hpp"
#include "probes/builtin.hpp"
#include "routing/confirmer.hpp"
#include "routing/keeper.hpp"
#include "routing/keeper_client.hpp"
#include "routing/netlink_monitor.hpp"
#include "routing/netlink_table.hpp"
#include "routing/reconciler.hpp"
#include "runner_client.hpp"
#include "runner_host.hpp"
#include "runner_process.hpp"
#include "seccomp_filter.hpp"
#include "service_manager.hpp"
#include "status_report.hpp"

namespace anyprobe {
namespace {

constexpr const char* kKeeperName = "anyprobe-keeper";
constexpr const char* kRunnerName = "anyprobe-runner";
// How a process knows its role. A prober's variable has a letter for its part and its user's name in it.
constexpr const char* kProberVariable = "ANYPROBE_PROBER";
// After the instance's name: the modules' prober where it is asked for its status.
constexpr const char* kModulesEnding = "-modules";
constexpr char kBuiltInLetter = 'b';
constexpr char kModulesLetter = 'm';
constexpr const char* kRunnerVariable = "ANYPROBE_RUNNER";

bool in_foreground(const CommandLine& line) {
  return line.command == Command::run || line.foreground;
}

void open_the_log(const CommandLine& line) {
  LogOptions options;
  options.level = line.log_level.value_or(LogLevel::info);
  options.json = line.log_format == "json";
  options.syslog = !in_foreground(line);
  options.program = line.instance();
  open_log(options);
}

void complain(const CommandLine& line, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", line.program.c_str(), what.c_str());
}

// What the reconciler sees, in the log.
class ReconcilerLog final : public ReconcilerListener {
 public:
  std::function<void()> on_settled;
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

 private:
  void news() const {
    if (on_news) on_news();
  }
};

Outcome<Keeper::View> understand(const CommandLine& line, PluginTable& plugins,
                                 const std::vector<SourceFile>& files) {
  ConfigErrors errors;
  const auto documents = assemble(line, files, errors);
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
  for (const auto& service : config.services) {
    const auto count = service.advertise.size();
    view.services.push_back({service.name, service.part});
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
  // Before it may give files to nobody any more.
  const auto control = ControlSocket::open(line.run_dir, line.instance());
  if (!control) {
    fail(control.error());
    return kSystem;
  }
  prctl(PR_SET_NAME, kKeeperName);
  if (const auto wrong = limit_keeper(); !wrong.empty()) {
    fail(wrong);
    return kSystem;
  }

  EventLoop loop;
  ReconcilerLog listener;
  NetlinkTable table;
  NetlinkMonitor monitor(loop, table);
  Reconciler reconciler(loop, table, monitor, listener, line.adopt);
  Keeper::Hooks hooks;
  hooks.read = [&] { return read_files(line); };
  bool sealed = false;
  hooks.understand = [&](const std::vector<SourceFile>& files) { return understand(line, plugins, files); };
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
  state.handed_over_until = {};
  hooks.recall = [&] { return state.advertisements; };
  hooks.remember = [&](const std::vector<Advertisement>& all) {
    state.advertisements = all;
    remember(line, state);
  };
  hooks.recall_drained = [&] { return state.drained; };
  hooks.remember_drained = [&](const std::set<std::string>& drained) {
    state.drained = drained;
    remember(line, state);
  };
  std::unique_ptr<ControlSocket> modules_control;
  hooks.accepted = [&](const Keeper::View& view) {
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
  Keeper keeper(loop, reconciler, line.adopt, std::move(hooks));
  listener.on_settled = [&] { keeper.tell_applied(); };
  listener.on_news = [&] { keeper.tell_soon(); };
  const int code = keeper.run();
  if (keeper.handed_over()) leave_to_next_run(line, keeper, *lock);
  return code;
}

// Once what the first configuration names is loaded and held. Whoever cannot be confined reads no answer.
void confine_prober(const CommandLine& line, PluginTable& plugins, ProberPart part) {
  if (ANYPROBE_WITH_LIBSECCOMP == 0)
    log(LogLevel::warning, "built without libseccomp: the prober's system calls are not limited");
  if (line.command == Command::run) prepare_libraries();  // another has no probe but its own
  const auto profile = part == ProberPart::modules ? Profile::modules : Profile::built_in;
  const auto wrong = confine(profile, plugins.system_calls());
  if (wrong.empty()) return plugins.seal();
  log(LogLevel::error, wrong);
  complain(line, wrong);
  std::_Exit(kSystem);
}

// Why it is not done, or nothing where it is no order.
std::optional<std::string> obey(const ControlRequest& request, Prober& prober) {
  if (request.verb == kDrainVerb) return prober.drain(request.arguments, false);
  if (request.verb == kForceDrainVerb) return prober.drain(request.arguments, true);
  if (request.verb == kQueueVerb) return prober.queue(request.arguments);
  if (request.verb == kLeaveQueueVerb) return prober.leave_queue(request.arguments);
  if (request.verb == kResumeVerb) return prober.resume(request.arguments);
  return std::nullopt;
}

std::vector<OwnAdvertisement> own_of(const Prober& prober, const KernelView& view) {
  std::vector<OwnAdvertisement> out;
  const auto places = prober.places_of_own();
  auto place = places.begin();
  for (const auto& service : prober.services()) {
    for (const auto& what : service->config().advertise) {
      if (place == places.end() || *place >= view.states.size()) return out;
      out.push_back({*place, what, view.states[*place]});
      ++place;
    }
  }
  return out;
}

}  // namespace

bool is_prober() {
  return std::getenv(kProberVariable) != nullptr;
}

int run_prober(const CommandLine& line, PluginTable& plugins) {
  unsetenv("NOTIFY_SOCKET");  // what the service manager is told the keeper tells
  const std::string role = std::getenv(kProberVariable);
  unsetenv(kProberVariable);
  const auto wanted_user = role.substr(std::min<std::size_t>(role.size(), 1));
  const auto part = role.starts_with(kModulesLetter) ? ProberPart::modules : ProberPart::built_in;
  fcntl(kOwnSocket, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_NAME, line.program.c_str());
  if (chdir("/") != 0) return kSystem;
  const auto user = find_prober_user(wanted_user);
  const auto wrong = user ? become(*user) : user.error();
  if (!wrong.empty()) {
    complain(line, wrong);
    return user ? kNoPermission : kConfiguration;
  }
  open_the_log(line);
  if (!in_foreground(line)) close_standard_streams();

  EventLoop loop;
  int code = kDone;
  RunnerClient runner(loop);
  Prober prober(loop, line, plugins, runner, part);
  bool confined = false;
  KeeperClient* keeper = nullptr;
  Confirmer confirmer(loop,
                      [&](std::uint32_t serial, const FrrInquiry& inquiry) { keeper->ask(serial, inquiry); });
  const auto name = line.instance() + (part == ProberPart::modules ? kModulesEnding : "");
  StatusReport report(
      name, prober.services(), [&] { return keeper->owed_since(); },
      [&](const std::string& service) { return prober.drained(service); });
  report.confirm_by([&](const Advertisement& what) { return confirmer.of(what); });
  report.complain_by([&] { return prober.last_instances(); });
  prober.consult([&](const Advertisement& what) { return confirmer.of(what); });
  prober.look_by([&](const Advertisement& what) { return confirmer.sighting_of(what); },
                 [&](const std::set<Advertisement>& watched) { confirmer.watch(watched); });
  report.queue_by([&](const std::string& service) { return prober.queue_of(service); });
  ControlServer control(loop, [&](const ControlRequest& request) {
    const auto obeyed = obey(request, prober);
    if (!obeyed) return report.answer(request);
    report.hurry();
    return ControlReply{obeyed->empty(), *obeyed};
  });
  KeeperClient client(
      loop, kOwnSocket,
      {.on_configuration =
           [&](const std::vector<SourceFile>& files, std::uint32_t generation,
               const Circumstances& circumstances) {
             runner.expect(generation);
             report.before_change();
             const auto errors = prober.configure(files, circumstances);
             if (errors.empty()) report.after_change();
             if (errors.empty() && !std::exchange(confined, true)) confine_prober(line, plugins, part);
             return KeeperClient::Answer{{errors.all_from_flags(), errors.lines()}, prober.wishes()};
           },
       .on_keeper_gone =
           [&] {
             log(LogLevel::error, "the keeper is gone");
             code = kSystem;
             loop.stop();
           },
       .on_runner = [&](Descriptor socket) { runner.connect(std::move(socket)); },
       .on_view =
           [&](KernelView view) {
             confirmer.see(own_of(prober, view));
             view.states = prober.of_own(view.states);
             view.waits = prober.of_own(view.waits);
             if (keeper->up_to_date()) prober.look(view.states);
             report.take(std::move(view));
           },
       .on_control = [&](Descriptor socket) { control.listen(std::move(socket)); },
       .on_answer = [&](std::uint32_t serial, const FrrAnswer& answer,
                        const std::string& replies) { confirmer.take(serial, answer, replies); }});
  keeper = &client;
  prober.use(client);
  loop.run();
  return code;
}

bool is_runner() {
  return std::getenv(kRunnerVariable) != nullptr;
}

int run_runner(const CommandLine& line) {
  unsetenv(kRunnerVariable);
  fcntl(kOwnSocket, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_NAME, kRunnerName);
  if (chdir("/") != 0) return kSystem;
  // What commands leave behind comes to us, and is reaped here.
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  // It ends when the keeper does, and has its hooks to bring to their end before.
  for (const int number : {SIGTERM, SIGINT, SIGTSTP, SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
  open_the_log(line);
  if (!in_foreground(line)) close_standard_streams();

  EventLoop loop;
  RunnerProcess runner(loop, Descriptor(kOwnSocket),
                       {.in_force = [&](const LogSettings& settings) { line.change_log(settings); },
                        .finished = [&] { loop.stop(); }});
  loop.run();
  return kDone;
}

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
  const int code =
      line.dry_run ? run_dry(line, plugins, background) : keep(line, plugins, folder, background);
  background.tell(code);
  return code;
}

}  // namespace anyprobe
