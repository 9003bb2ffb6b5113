#include "child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace anyprobe {
namespace {

// What a child could not do, told by its number and errno over a pipe.
constexpr std::array<const char*, 5> kSteps = {"exec", "its descriptors", "its folder", "its groups",
                                               "its user"};
enum Step : std::uint8_t { kExec, kDescriptors, kFolder, kGroups, kUser };

struct Failure {
  int step;
  int error;
};

constexpr int kFailureEnd = 3;
constexpr std::size_t kReadAtOnce = 65536;
// Whoever left the group with our pipe in hand must not hold us.
constexpr std::size_t kReadAtTheEnd = 1U << 20U;

// All that the child needs, made before fork(): after it, nothing may be allocated.
struct Prepared {
  std::vector<std::string> programs;  // to be tried in turn
  std::vector<std::string> words;
  std::vector<std::string> environment;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

std::vector<std::string> programs_of(const std::string& word) {
  if (word.find('/') != std::string::npos) return {word};
  std::vector<std::string> out;
  for (auto path = kCommandPath; !path.empty();) {
    const auto end = std::min(path.find(':'), path.size());
    out.push_back(std::string(path.substr(0, end)) + "/" + word);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

void prepare(const CommandOrder& order, Prepared& out) {
  out.programs = programs_of(order.words.front());
  out.words = order.words;
  out.environment = {"PATH=" + std::string(kCommandPath), "LANG=C"};
  out.environment.insert(out.environment.end(), order.environment.begin(), order.environment.end());
  for (auto& word : out.words) out.argv.push_back(word.data());
  for (auto& variable : out.environment) out.envp.push_back(variable.data());
  out.argv.push_back(nullptr);
  out.envp.push_back(nullptr);
}

[[noreturn]] void fail(int failure_end, Step step) {
  const Failure failure{step, errno};
  // Whoever reads it takes none for an exit by itself.
  [[maybe_unused]] const auto written = write(failure_end, &failure, sizeof failure);
  _exit(127);
}

void use_default_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_command(const Prepared& what, const std::optional<RunAs>& as, int output,
                                 int failure, pid_t parent) {
  setsid();
  use_default_signals();
  // Out of the way of the numbers they are to have.
  const int null = fcntl(open("/dev/null", O_RDWR), F_DUPFD, kFailureEnd + 1);
  output = fcntl(output, F_DUPFD, kFailureEnd + 1);
  const int moved = fcntl(failure, F_DUPFD, kFailureEnd + 1);
  if (null < 0 || output < 0 || moved < 0 || dup3(moved, kFailureEnd, O_CLOEXEC) < 0)
    fail(failure, kDescriptors);
  if (dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) fail(kFailureEnd, kDescriptors);
  if (close_range(kFailureEnd + 1, ~0U, 0) != 0) fail(kFailureEnd, kDescriptors);
  if (chdir("/") != 0) fail(kFailureEnd, kFolder);
  umask(022);
  if (as) {
    if (setgroups(as->groups.size(), as->groups.data()) != 0 || setresgid(as->gid, as->gid, as->gid) != 0)
      fail(kFailureEnd, kGroups);
    if (setresuid(as->uid, as->uid, as->uid) != 0) fail(kFailureEnd, kUser);
  }
  // After the change of user, which clears it. What the command starts itself is not told.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  int error = ENOENT;
  for (const auto& program : what.programs) {
    execve(program.c_str(), what.argv.data(), what.envp.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
  }
  errno = error;
  fail(kFailureEnd, kExec);
}

struct Pipe {
  Descriptor read_end;
  Descriptor write_end;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  Pipe out{Descriptor(ends[0]), Descriptor(ends[1])};
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return out;
}

}  // namespace

Children::Children(EventLoop& loop) : signal_(loop, SIGCHLD, [this] { reap(); }) {}

void Children::expect(pid_t child, std::function<void(int)> gone) {
  expected_[child] = std::move(gone);
}

void Children::forget(pid_t child) {
  expected_.erase(child);
}

void Children::reap() {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    const pid_t child = info.si_pid;
    const auto it = expected_.find(child);
    // While it is not reaped, its number is nobody else's.
    if (it != expected_.end()) ::kill(-child, SIGKILL);
    int status = 0;
    if (waitpid(child, &status, WNOHANG) != child || it == expected_.end()) continue;
    const auto gone = std::move(it->second);
    expected_.erase(it);
    gone(status);
  }
}

Child::Child(EventLoop& loop, Children& children, Done done)
    : children_(children), done_(std::move(done)), io_(loop, [this](int) { read_output(kReadAtOnce); }) {}

Child::~Child() {
  io_.stop();
  if (pid_ <= 0) return;
  kill();
  children_.forget(pid_);
}

std::string Child::start(const CommandOrder& order) {
  Prepared prepared;
  prepare(order, prepared);
  auto output = make_pipe();
  auto failure = make_pipe();
  if (!output.read_end.valid() || !failure.read_end.valid())
    return std::string("pipe: ") + std::strerror(errno);

  // A signal before the child has let go of our handlers would be handled as if it were ours.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become_command(prepared, order.as, output.write_end.get(), failure.write_end.get(), parent);
  const int error = errno;
  sigprocmask(SIG_SETMASK, &before, nullptr);
  if (pid_ < 0) return std::string("fork: ") + std::strerror(error);
  output_end_ = std::move(output.read_end);
  failure_end_ = std::move(failure.read_end);
  children_.expect(pid_, [this](int status) { gone(status); });
  io_.start(output_end_.get(), Io::kRead);
  return {};
}

void Child::kill() const {
  if (pid_ <= 0) return;
  // It may not have become the leader of its group yet.
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

void Child::read_output(std::size_t at_most) {
  char block[16384];
  for (std::size_t done = 0; done < at_most;) {
    const auto got = read(output_end_.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return io_.stop();
    const auto octets = static_cast<std::size_t>(got);
    // To the end, or the command would wait for a reader.
    output_.append(block, std::min(octets, kLargestOutput - output_.size()));
    done += octets;
  }
}

void Child::gone(int status) {
  pid_ = -1;
  read_output(kReadAtTheEnd);
  io_.stop();
  CommandResult result;
  Failure failure{};
  if (read(failure_end_.get(), &failure, sizeof failure) == static_cast<ssize_t>(sizeof failure)) {
    const auto step = static_cast<std::size_t>(failure.step);
    result.text = (step == kExec ? "" : std::string(kSteps.at(step)) + ": ") + std::strerror(failure.error);
  } else {
    const bool signalled = WIFSIGNALED(status);
    result.end = signalled ? CommandResult::End::signalled : CommandResult::End::exited;
    result.number = signalled ? WTERMSIG(status) : WEXITSTATUS(status);
    result.text = std::move(output_);
  }
  const auto done = std::move(done_);
  done(result);
}

}  // namespace anyprobe
