// The keeper's side of the runner: it is there where commands are configured, knows the keeper's tables, and
// is joined to each prober. One that dies is replaced.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>

#include "command_table.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"
#include "own_process.hpp"
#include "runner_message.hpp"

namespace anyprobe {

class RunnerHost {
 public:
  // Starts a runner that has `socket` as its end; returns its pid, or -1. The socket stays the caller's.
  using Spawn = std::function<pid_t(int socket)>;
  // Gives the prober its end of a socket to the runner; does nothing while there is no prober.
  using ToProber = std::function<void(int socket)>;

  RunnerHost(EventLoop& loop, Spawn spawn);
  RunnerHost(const RunnerHost&) = delete;
  RunnerHost& operator=(const RunnerHost&) = delete;

  void use(ToProber to_prober) { to_prober_ = std::move(to_prober); }
  // Before the prober hears of that configuration.
  void offer(std::uint32_t generation, const CommandTable& table);
  // It is in force, or (another generation) the one offered was refused.
  void accept(std::uint32_t generation);
  // A prober is there that has not been joined to the runner.
  void join();

  // Of a child that is gone: whether it was the runner.
  bool reap(pid_t child, int status);
  // Lets the runner bring its hooks to their end; `done` is called, from here or later, when it is gone.
  void finish(std::function<void()> done);
  void hurry();  // ... or at once

 private:
  struct Table {
    std::string packed;
    bool empty = true;
    Duration longest_hook{};
  };

  void spawn();
  void tell(RunnerMessageType type, std::uint32_t generation, int descriptor = -1);
  void tell_table(std::uint32_t generation, const Table& table);
  void hang_up();

  Spawn spawn_;
  ToProber to_prober_;
  std::map<std::uint32_t, Table> tables_;  // by generation
  std::uint32_t in_force_ = 0;
  pid_t runner_ = -1;
  TimePoint spawned_{};
  RespawnDelay delay_;
  std::function<void()> finished_;  // set: no other is wanted
  Descriptor socket_;
  Timer respawn_;
  Timer patience_;
};

}  // namespace anyprobe
