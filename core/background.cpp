#include "background.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "exit_codes.hpp"
#include "log.hpp"

namespace anyprobe {

void close_standard_streams() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return;
  for (int fd = 0; fd <= 2; ++fd) dup2(null, fd);
  if (null > 2) close(null);
}

std::optional<int> Background::detach() {
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

void Background::tell(int code) {
  if (report_ < 0) return;
  const auto byte = static_cast<unsigned char>(code);
  if (code == kDone) close_standard_streams();
  if (write(report_, &byte, 1) != 1) log(LogLevel::warning, "whoever started this is gone");
  close(std::exchange(report_, -1));
}

}  // namespace anyprobe
