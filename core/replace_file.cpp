#include "replace_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "descriptor.hpp"

namespace anyprobe {
namespace {

std::string failed(const std::string& path) {
  return path + ": " + std::strerror(errno);
}

bool write_whole(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto done = write(fd, text.data(), text.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(done));
  }
  return true;
}

}  // namespace

std::string replace_file(const std::string& path, std::string_view text) {
  const auto next = path + ".new";
  unlink(next.c_str());
  const Descriptor file(open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.valid()) return failed(next);
  if (!write_whole(file.get(), text)) {
    auto wrong = failed(next);
    unlink(next.c_str());
    return wrong;
  }
  if (rename(next.c_str(), path.c_str()) == 0) return {};
  auto wrong = failed(path);
  unlink(next.c_str());
  return wrong;
}

}  // namespace anyprobe
