// Processes of other programs: started apart from everything of ours, watched, killed with their group.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "command_table.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"

namespace anyprobe {

// Reaps every child of this process, those that were left to it (PR_SET_CHILD_SUBREAPER) included. One at a
// time in a process, since SIGCHLD is one.
class Children {
 public:
  explicit Children(EventLoop& loop);

  // `gone` is called from a clean stack with what wait() gives. What is left of the child's process group is
  // killed before.
  void expect(pid_t child, std::function<void(int status)> gone);
  void forget(pid_t child);  // is reaped all the same

 private:
  void reap();

  std::map<pid_t, std::function<void(int)>> expected_;
  Signal signal_;
};

struct RunAs {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};

struct CommandOrder {
  std::vector<std::string> words;
  std::vector<std::string> environment;  // NAME=value, beside PATH and LANG
  std::optional<RunAs> as;               // none: who we are
};

// One command as a session and process group of its own: standard input /dev/null, output and error in one
// pipe, in /, umask 022, signals as by default, no other descriptor.
class Child {
 public:
  using Done = std::function<void(const CommandResult&)>;

  // `done` is called from a clean stack once the process is gone, and may destroy the child.
  Child(EventLoop& loop, Children& children, Done done);
  ~Child();  // kills
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Empty, or why there is no process. That the program could not be executed is a result.
  std::string start(const CommandOrder& order);
  void kill() const;  // the process and its group; done() follows
  [[nodiscard]] const std::string& output() const { return output_; }

 private:
  void read_output(std::size_t at_most);
  void gone(int status);

  Children& children_;
  Done done_;
  pid_t pid_ = -1;
  Descriptor output_end_;
  Descriptor failure_end_;
  std::string output_;
  Io io_;
};

}  // namespace anyprobe
