#include "own_process.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "command_table.hpp"
#include "exit_codes.hpp"

namespace anyprobe {

pid_t spawn_self(std::vector<std::string> words, const char* variable, const std::string& value, int socket,
                 const std::string& folder) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const bool placed = socket == kOwnSocket ? fcntl(socket, F_SETFD, 0) == 0 : dup2(socket, kOwnSocket) >= 0;
  if (!placed || setenv(variable, value.c_str(), 1) != 0) _exit(kSystem);
  // Where that is gone, only a file given relative to it is missed, and who reads it says so.
  if (chdir(folder.c_str()) != 0 && chdir("/") != 0) _exit(kSystem);
  std::signal(SIGTSTP, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve("/proc/self/exe", arguments.data(), environ);
  _exit(kSystem);
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "killed by " + signal_name(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

Duration RespawnDelay::next(TimePoint started) {
  if (Clock::now() - started > kStableAfter) delay_ = {};
  return std::exchange(delay_, std::clamp(delay_ * 2, kSecond, kLongest));
}

void keep_no_free_memory() {
#ifdef __GLIBC__
  // Setting it ends that the C library raises it by itself (mallopt(3)).
  mallopt(M_TRIM_THRESHOLD, 64 * 1024);
#endif
}

void give_back_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

}  // namespace anyprobe
