#include "instance_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace anyprobe {
namespace {

std::string pid_in(int fd) {
  char text[32] = {};
  const auto got = pread(fd, text, sizeof text - 1, 0);
  std::string out(text, got > 0 ? static_cast<std::size_t>(got) : 0);
  out.resize(std::min(out.size(), out.find_first_not_of("0123456789")));
  return out;
}

bool still_there(int fd, const std::string& path) {
  struct stat held {};
  struct stat there {};
  return fstat(fd, &held) == 0 && stat(path.c_str(), &there) == 0 && held.st_ino == there.st_ino &&
         held.st_dev == there.st_dev;
}

}  // namespace

std::unique_ptr<InstanceLock> InstanceLock::acquire(const std::string& run_dir, const std::string& name,
                                                    Failure& failure) {
  if (mkdir(run_dir.c_str(), 0755) != 0 && errno != EEXIST) {
    failure.what = run_dir + ": " + std::strerror(errno);
    return nullptr;
  }
  const auto path = run_dir + "/" + name + std::string(kPidEnding);
  // The one that ends removes its file: what we opened may be gone by the time it is ours to lock.
  for (;;) {
    const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
      failure.what = path + ": " + std::strerror(errno);
      return nullptr;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
      const auto pid = pid_in(fd);
      failure.taken = errno == EWOULDBLOCK;
      failure.what = failure.taken ? name + " is already running" + (pid.empty() ? "" : " (pid " + pid + ")")
                                   : path + ": " + std::strerror(errno);
      close(fd);
      return nullptr;
    }
    if (still_there(fd, path)) return std::unique_ptr<InstanceLock>(new InstanceLock(fd, path));
    close(fd);
  }
}

InstanceLock::~InstanceLock() {
  if (!forgotten_) unlink(path_.c_str());
  if (fd_ >= 0) close(fd_);
}

void InstanceLock::release_in_child() {
  forgotten_ = true;
  close(std::exchange(fd_, -1));
}

void InstanceLock::write_pid(pid_t pid) {
  const auto text = std::to_string(pid) + "\n";
  if (ftruncate(fd_, 0) != 0) return;
  // A full disk leaves the file empty; the lock is what counts.
  if (pwrite(fd_, text.data(), text.size(), 0) < 0) return;
}

}  // namespace anyprobe
