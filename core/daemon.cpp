#include "daemon.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include "check.hpp"
#include "exit_codes.hpp"
#include "instance_lock.hpp"
#include "log.hpp"
#include "privileges.hpp"
#include "prober.hpp"
#include "routing/keeper.hpp"
#include "routing/keeper_client.hpp"
#include "routing/netlink_monitor.hpp"
#include "routing/netlink_table.hpp"
#include "routing/reconciler.hpp"

namespace anyprobe {
namespace {

constexpr const char* kKeeperName = "anyprobe-keeper";
// How a prober knows that it is one: its user's name stands here, its socket is kProberSocket.
constexpr const char* kProberVariable = "ANYPROBE_PROBER";
constexpr int kProberSocket = 3;

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

void close_standard_streams() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  for (int fd = 0; fd <= 2; ++fd) dup2(null, fd);
  if (null > 2) close(null);
}

// The start of a daemon in the background: the parent waits until the child has told how it went.
class Background {
 public:
  // In the parent, the exit code of the start; in the child, nothing.
  std::optional<int> detach() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return kSystem;
    const pid_t child = fork();
    if (child < 0) return kSystem;
    if (child > 0) {
      close(ends[1]);
      unsigned char code = kInternal;
      while (read(ends[0], &code, 1) < 0 && errno == EINTR) continue;
      return code;
    }
    close(ends[0]);
    report_ = ends[1];
    setsid();
    return std::nullopt;
  }

  void tell(int code) {
    if (report_ < 0) return;
    const auto byte = static_cast<unsigned char>(code);
    if (code == kDone) close_standard_streams();
    if (write(report_, &byte, 1) != 1) log(LogLevel::warning, "whoever started this is gone");
    close(std::exchange(report_, -1));
  }

 private:
  int report_ = -1;
};

// What the reconciler sees, in the log.
class ReconcilerLog final : public ReconcilerListener {
 public:
  std::function<void()> on_settled;

  void changed(const Advertisement& what, AdvertisementState state) override {
    if (state == AdvertisementState::foreign) return;  // failed() tells more of it
    const char* word = state == AdvertisementState::announced ? "announced" : "withdrawn";
    const auto text = what.to_string();
    log(LogLevel::info, std::string(word) + " " + text, {{"advertisement", text}, {"state", word}});
  }
  void repaired(const std::string& text) override { log(LogLevel::warning, text); }
  void noticed(const std::string& text) override { log(LogLevel::warning, text); }
  void failed(const std::string& text) override { log(LogLevel::error, text); }
  void settled() override {
    if (on_settled) on_settled();
  }
};

// The prober starts from a fresh image of the program: nothing the keeper has read is in its memory.
pid_t spawn_prober(std::vector<std::string> words, int socket, const std::string& user) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const bool placed =
      socket == kProberSocket ? fcntl(socket, F_SETFD, 0) == 0 : dup2(socket, kProberSocket) >= 0;
  if (!placed || setenv(kProberVariable, user.c_str(), 1) != 0) _exit(kSystem);
  std::signal(SIGTSTP, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve("/proc/self/exe", arguments.data(), environ);
  _exit(kSystem);
}

Outcome<Keeper::View> understand(const CommandLine& line, const std::vector<SourceFile>& files) {
  ConfigErrors errors;
  const auto documents = assemble(line, files, errors);
  if (!errors.empty()) return Error{errors.lines().front()};
  const auto config = load_config(documents, {}, errors);
  if (!errors.empty()) return Error{errors.lines().front()};
  Keeper::View view{{}, config.user, config.log};
  for (const auto& service : config.services) {
    view.advertisements.insert(view.advertisements.end(), service.advertise.begin(), service.advertise.end());
  }
  return view;
}

int keep(const CommandLine& line, Background& background) {
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

  EventLoop loop;
  ReconcilerLog listener;
  NetlinkTable table;
  NetlinkMonitor monitor(loop, table);
  Reconciler reconciler(loop, table, monitor, listener, line.adopt);
  Keeper::Hooks hooks;
  hooks.read = [&] { return read_files(line); };
  hooks.understand = [&](const std::vector<SourceFile>& files) { return understand(line, files); };
  hooks.spawn = [&](int socket, const std::string& user) {
    return spawn_prober(line.arguments, socket, user);
  };
  hooks.accepted = [&](const Keeper::View& view) { line.change_log(view.log); };
  hooks.running = [&](pid_t prober) {
    lock->write_pid(prober);
    background.tell(kDone);
  };
  hooks.fail = fail;
  Keeper keeper(loop, reconciler, line.adopt, std::move(hooks));
  listener.on_settled = [&] { keeper.tell_applied(); };
  return keeper.run();
}

// Where nothing is to be changed: says what would be, and reads the files itself.
class DryRun final : public KeeperLink {
 public:
  DryRun(const CommandLine& line, Prober& prober) : line_(line), prober_(prober) {}

  void want(const std::vector<bool>& wanted) override {
    std::set<Advertisement> next;
    std::size_t i = 0;
    for (const auto& service : prober_.services()) {
      for (const auto& advertisement : service->config().advertise) {
        if (i < wanted.size() && wanted[i]) next.insert(advertisement);
        ++i;
      }
    }
    for (const auto& what : next) {
      if (!announced_.contains(what)) log(LogLevel::info, "would announce " + what.to_string());
    }
    for (const auto& what : announced_) {
      if (!next.contains(what)) log(LogLevel::info, "would withdraw " + what.to_string());
    }
    announced_ = std::move(next);
  }

  bool settle(Duration) override { return true; }

  void request_reload() override {
    const auto files = read_files(line_);
    ConfigErrors errors;
    if (files)
      errors = prober_.configure(*files);
    else
      errors.add(files.error());
    for (const auto& what : errors.lines()) log(LogLevel::error, what);
    if (!errors.empty()) log(LogLevel::error, "the configuration is refused, the old one is kept");
    want(prober_.wanted());
  }

 private:
  const CommandLine& line_;
  Prober& prober_;
  std::set<Advertisement> announced_;
};

int run_dry(const CommandLine& line, PluginTable& plugins, Background& background) {
  EventLoop loop;
  Prober prober(loop, line, plugins);
  DryRun link(line, prober);
  prober.use(link);
  const auto files = read_files(line);
  ConfigErrors errors;
  if (files)
    errors = prober.configure(*files);
  else
    errors.add(files.error());
  if (!errors.empty()) return refuse(line, errors);
  background.tell(kDone);
  loop.run();
  return kDone;
}

}  // namespace

bool is_prober() {
  return std::getenv(kProberVariable) != nullptr;
}

int run_prober(const CommandLine& line, PluginTable& plugins) {
  const std::string wanted_user = std::getenv(kProberVariable);
  unsetenv(kProberVariable);
  fcntl(kProberSocket, F_SETFD, FD_CLOEXEC);
  prctl(PR_SET_NAME, line.program.c_str());
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
  Prober prober(loop, line, plugins);
  KeeperClient client(
      loop, kProberSocket,
      {.on_configuration =
           [&](const std::vector<SourceFile>& files) {
             const auto errors = prober.configure(files);
             return KeeperClient::Answer{{errors.all_from_flags(), errors.lines()}, prober.wanted()};
           },
       .on_keeper_gone =
           [&] {
             log(LogLevel::error, "the keeper is gone");
             code = kSystem;
             loop.stop();
           }});
  prober.use(client);
  loop.run();
  return code;
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
  std::signal(SIGPIPE, SIG_IGN);
  umask(022);
  open_the_log(line);
  Background background;
  if (!in_foreground(line)) {
    if (const auto code = background.detach()) return *code;
    if (chdir("/") != 0) return kSystem;
  }
  const int code = line.dry_run ? run_dry(line, plugins, background) : keep(line, background);
  background.tell(code);
  return code;
}

}  // namespace anyprobe
