// Hooks: commands run at a change of state, whose end is only logged. Those of one service run one after
// another, in the order of the changes.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "command_pool.hpp"
#include "command_runner.hpp"

namespace anyprobe {

class HookQueue {
 public:
  // `on_idle` is called from a clean stack whenever the last one has ended.
  HookQueue(EventLoop& loop, Children& children, std::size_t most, std::function<void()> on_idle);

  void add(const CommandName& name, CommandOrder order, Duration deadline, HookState state,
           std::string_view reason);
  void set_most(std::size_t most) { pool_.set_most(most); }
  [[nodiscard]] bool idle() const { return services_.empty(); }

 private:
  struct Hook {
    CommandName name;
    CommandOrder order;
    Duration deadline{};
  };

  void run_next(const std::string& service);
  void ended(const CommandName& name, TimePoint began, const CommandResult& result);

  CommandPool pool_;
  std::function<void()> on_idle_;
  std::map<std::string, std::deque<Hook>> services_;  // the first of each runs
};

}  // namespace anyprobe
