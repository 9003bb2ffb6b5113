// One instance of a name in a run-dir: RUN_DIR/NAME.pid, locked by whoever is that instance.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "outcome.hpp"

namespace anyprobe {

inline constexpr std::string_view kPidEnding = ".pid";

class InstanceLock {
 public:
  struct Failure {
    bool taken = false;  // by another instance
    std::string what;
  };
  // Makes the run-dir where it lacks.
  static std::unique_ptr<InstanceLock> acquire(const std::string& run_dir, const std::string& name,
                                               Failure& failure);

  ~InstanceLock();  // removes the file
  InstanceLock(const InstanceLock&) = delete;
  InstanceLock& operator=(const InstanceLock&) = delete;

  // Whom signals go to.
  void write_pid(pid_t pid);
  // In a child that outlives its parent: the lock is the parent's alone, and ends with it.
  void release_in_child();

 private:
  InstanceLock(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  int fd_;
  bool forgotten_ = false;
  std::string path_;
};

}  // namespace anyprobe
