// What a keeper starts: the prober and the runner.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>

#include "agent.hpp"
#include "anyprobe_features.hpp"
#include "background.hpp"
#include "control_server.hpp"
#include "daemon.hpp"
#include "daemon_roles.hpp"
#include "exit_codes.hpp"
#include "log.hpp"
#include "metrics_round.hpp"
#include "modules_link.hpp"
#include "own_process.hpp"
#include "privileges.hpp"
#include "prober.hpp"
#include "routing/confirmer.hpp"
#include "routing/keeper_client.hpp"
#include "routing/link_watch.hpp"
#include "routing/local_address.hpp"
#include "routing/socket_watch.hpp"
#include "runner_client.hpp"
#include "runner_process.hpp"
#include "seccomp_filter.hpp"
#include "start_anew.hpp"
#include "status_report.hpp"
#include "web_pages.hpp"
#include "web_server.hpp"

namespace anyprobe {
namespace {

constexpr const char* kRunnerName = "anyprobe-runner";
// What is told of modules on the page and in metrics is no older than that, where they answer.
constexpr const char* kMetrics = "/metrics";
constexpr Duration kFresh = std::chrono::milliseconds(500);

// Once what the first configuration names is loaded and held. Whoever cannot be confined reads no answer.
void confine_prober(const CommandLine& line, PluginTable& plugins, ProberPart part) {
  const Shared shared{is_one_user(), !shared_groups().empty()};
  std::string wrong;
  if (ANYPROBE_WITH_LIBSECCOMP == 0) {
    const std::string why = "built without libseccomp: the prober's system calls are not limited";
    if (shared.groups)
      wrong = why + ", and it has groups of others (" + shared_groups().front() + ")";
    else
      log(LogLevel::warning, why + (shared.user ? ", and it has the keeper's user" : ""));
  }
  const auto profile = part == ProberPart::modules ? Profile::modules : Profile::built_in;
  if (wrong.empty()) wrong = confine(profile, plugins.system_calls(), shared);
  if (wrong.empty()) return plugins.seal();
  log(LogLevel::error, wrong);
  complain(line, wrong);
  std::_Exit(kSystem);
}

ConfigErrors configure(Prober& prober, const std::vector<SourceFile>& files,
                       const Circumstances& circumstances) {
  try {
    return prober.configure(files, circumstances);
  } catch (const StartAnew& need) {
    log(LogLevel::info, std::string("the new configuration needs ") + need.what() +
                            ", which is loaded at a start alone: another prober takes over");
    std::_Exit(kNotNow);
  }
}

// Why it is not done, or nothing where it is no order.
std::optional<std::string> obey(const ControlRequest& request, Prober& prober) {
  if (request.verb == kDrainVerb) return prober.drain(request.arguments, false);
  if (request.verb == kForceDrainVerb) return prober.drain(request.arguments, true);
  if (request.verb == kQueueVerb) return prober.queue(request.arguments);
  if (request.verb == kLeaveQueueVerb) return prober.leave_queue(request.arguments);
  if (request.verb == kResumeVerb) return prober.resume(request.arguments);
  if (request.verb == kReloadVerb) {
    prober.reload();
    return std::string();
  }
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

struct HostWatch {
  HostWatch(EventLoop& loop, Prober& prober)
      : sockets(loop, {.closed = [&](const ClosedSocket& closed) { prober.socket_closed(closed); },
                       .lost = [&] { prober.sockets_lost(); },
                       .deaf =
                           [](const std::string& why) {
                             log(LogLevel::warning,
                                 "the kernel does not tell of closed sockets (" + why +
                                     "): a service that dies is noticed when it is asked next");
                           }}),
        links(loop, [&](const std::string& interface) { prober.interface_down(interface); }) {
    prober.hear_of_sockets([this](const std::set<std::uint16_t>& ports) { sockets.watch(ports); },
                           is_local_address);
  }

  SocketWatch sockets;
  LinkWatch links;
};

}  // namespace

std::shared_ptr<void> hear_of_host(EventLoop& loop, Prober& prober) {
  return std::make_shared<HostWatch>(loop, prober);
}

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
  if (geteuid() != 0) stay_one_user();
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
  report.name_by([&](const Advertisement& what) { return confirmer.announcers_of(what); });
  report.complain_by([&] { return prober.last_instances(); });
  prober.consult([&](const Advertisement& what) { return confirmer.of(what); });
  prober.look_by([&](const Advertisement& what) { return confirmer.sighting_of(what); },
                 [&](const std::set<Advertisement>& watched) { confirmer.watch(watched); });
  const auto heard = hear_of_host(loop, prober);
  // The keeper does not wait for it.
  Deferred behind(
      loop,
      [&] {
        prober.forget_documents();
        give_back_memory();
      },
      Deferred::Turn::last);
  Timer settled(loop, give_back_memory);
  report.queue_by([&](const std::string& service) { return prober.queue_of(service); });
  MetricsRound* metrics = nullptr;
  ControlServer control(loop, [&](const ControlRequest& request) {
    const auto obeyed = obey(request, prober);
    if (!obeyed) return report.answer(request);
    report.hurry();
    metrics->begin_anew();
    return ControlReply{obeyed->empty(), *obeyed};
  });
  report.count_by([&] { prober.count(); });
  WebServer web(loop);
  bool metrics_wait = false;
  WebPages* page = nullptr;
  ModulesLink modules(loop, line.instance() + kModulesEnding, [&] {
    page->go_on();
    if (!metrics_wait || !metrics->settled()) return;
    metrics_wait = false;
    web.release(kMetrics);
  });
  report.tell_beside([&] {
    modules.ask();
    return modules.now();
  });
  MetricsRound round(
      loop,
      {.head = [&] { return report.head(); },
       .services = [&](std::size_t first, std::size_t count) { return report.services(first, count); },
       .beside = [&] { return report.beside(); }},
      [&] {
        metrics_wait = false;
        web.release(kMetrics);
      });
  metrics = &round;
  web.wait_for(kMetrics, [&] {
    metrics_wait = !modules.settled(kFresh) || !round.settled();
    return !metrics_wait;
  });
  // Of who has modules, the same is asked by the other prober.
  ControlServer beside(loop, [&](const ControlRequest& request) { return report.answer_part(request); });
  web.answer(kMetrics, [&] {
    auto text = round.text();
    if (!text) return WebReply{.status = 500, .body = text.error() + "\n"};
    return WebReply{200, "text/plain; version=0.0.4; charset=utf-8", std::move(text).value()};
  });
  WebPages pages(
      loop, web,
      {.status = {.some = [&](std::size_t first, std::size_t count) { return report.some(first, count); },
                  .beside = [&] { return report.beside_without_counts(); }},
       .json = [&] { return report.json_of_all(); },
       .is_settled = [&] { return modules.settled(kFresh); }});
  page = &pages;
  Agent agent(loop, prober.services(), [&](const std::string& service) { return prober.drained(service); });
  KeeperClient client(
      loop, kOwnSocket,
      {.on_configuration =
           [&](const std::vector<SourceFile>& files, std::uint32_t generation,
               const Circumstances& circumstances) {
             runner.expect(generation);
             report.before_change();
             const auto errors = configure(prober, files, circumstances);
             if (errors.empty()) {
               report.after_change();
               round.begin_anew();
               pages.begin_anew();
               modules.status().expect(prober.elsewhere(), wall_now());
             }
             behind.schedule();
             settled.start(kSettled);
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
             modules.status().see(view.states);
             view.states = prober.of_own(view.states);
             view.waits = prober.of_own(view.waits);
             if (keeper->up_to_date()) prober.look(view.states);
             report.take(std::move(view));
           },
       .on_control = [&](Descriptor socket) { control.listen(std::move(socket)); },
       .on_answer = [&](std::uint32_t serial, const FrrAnswer& answer,
                        const std::string& replies) { confirmer.take(serial, answer, replies); },
       .on_beside =
           [&](Descriptor socket) {
             part == ProberPart::modules ? beside.serve(std::move(socket))
                                         : modules.connect(std::move(socket));
           },
       .on_socket =
           [&](SocketName socket_name, Descriptor socket, const std::string& text) {
             if (socket_name == SocketName::agent) return agent.listen(std::move(socket));
             const auto where = WebAddress::parse(text);
             if (socket.valid() && !where) return;
             const auto failure = web.listen(std::move(socket), where ? *where : WebAddress());
             if (!failure.empty()) log(LogLevel::error, "no metrics can be asked: " + failure);
           }});
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
  if (const auto wrong = limit_runner(); !wrong.empty()) {
    complain(line, wrong);
    return kNoPermission;
  }
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

}  // namespace anyprobe
