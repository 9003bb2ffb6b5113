// The runner: runs the commands of the keeper's tables, and believes the prober no more than which.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "command_order.hpp"
#include "command_pool.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"
#include "hook_queue.hpp"
#include "runner_message.hpp"

namespace anyprobe {

class RunnerProcess {
 public:
  struct Handlers {
    std::function<void(const LogSettings&)> in_force;
    std::function<void()> finished;  // the keeper is gone, and so is the last hook: there is nothing to do
  };

  RunnerProcess(EventLoop& loop, Descriptor keeper, Handlers handlers);
  RunnerProcess(const RunnerProcess&) = delete;
  RunnerProcess& operator=(const RunnerProcess&) = delete;

 private:
  struct Table {
    std::vector<PreparedCommand> commands;
    std::uint32_t max_running = 0;
    LogSettings log;
  };

  void read_keeper();
  void take_table(std::uint32_t generation, int fd);
  void take_in_force(std::uint32_t generation);
  void keeper_gone();

  void take_prober(Descriptor socket);
  void read_prober();
  void prober_gone();
  void take(const RunnerMessage& message);
  void run(const RunnerMessage& message);
  void cancel(std::uint32_t id);
  void run_hook(const RunnerMessage& message);
  const PreparedCommand* find(const RunnerMessage& message, bool hook);
  void say(const RunnerMessage& message);
  void flush();

  Handlers handlers_;
  Children children_;
  CommandPool pool_;
  HookQueue hooks_;
  std::map<std::uint32_t, Table> tables_;               // by generation
  std::map<std::uint32_t, CommandPool::Ticket> asked_;  // by the prober's id
  std::deque<std::string> outbox_;                      // what the prober has not taken yet
  Descriptor keeper_;
  Descriptor prober_;
  Io keeper_io_;
  Io prober_io_;
  Deferred check_finished_;
};

}  // namespace anyprobe
