#include "confined.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <exception>

#include "core/own_process.hpp"

namespace anyprobe {
namespace {

void tell(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto put = write(fd, text.data() + done, text.size() - done);
    if (put <= 0) _exit(1);
    done += static_cast<std::size_t>(put);
  }
}

}  // namespace

std::string in_child(const std::function<std::string()>& does) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    // A crash is to be told by its number alone.
    for (const int number : {SIGSEGV, SIGABRT, SIGILL, SIGTERM}) std::signal(number, SIG_DFL);
    close(ends[0]);
    std::string told;
    try {
      told = does();
    } catch (const std::exception& e) {
      told = std::string("throws: ") + e.what();
    }
    tell(ends[1], told);
    _exit(0);
  }
  close(ends[1]);
  std::string told;
  char block[4096];
  for (ssize_t got = 0; (got = read(ends[0], block, sizeof block)) > 0;)
    told.append(block, static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? told : told + how_it_ended(status);
}

}  // namespace anyprobe
