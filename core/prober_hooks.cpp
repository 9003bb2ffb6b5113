// The commands that a change of a service brings about.
#include <utility>

#include "prober.hpp"

namespace anyprobe {

void Prober::add_hook(const Service& service, HookState state, std::string_view reason) {
  const auto& commands = *service.config().commands;
  const bool up = state == HookState::up;
  if ((up ? commands.on_up : commands.on_down).empty()) return;
  hooks_.push_back({{service.name(), up ? "on_up" : "on_down"}, state, std::string(reason)});
}

void Prober::run_hooks() {
  for (const auto& hook : std::exchange(hooks_, {})) commands_.run_hook(hook.name, hook.state, hook.reason);
}

void Prober::run_hooks_of_all_up(std::string_view reason) {
  for (const auto& service : services_) {
    if (service->up()) add_hook(*service, HookState::down, reason);
  }
  run_hooks();
}

}  // namespace anyprobe
