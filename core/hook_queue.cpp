#include "hook_queue.hpp"

#include <utility>

#include "config_reader.hpp"
#include "duration.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

// Beyond that a service flaps faster than its hooks run, and the oldest change is of no interest any more.
constexpr std::size_t kMostWaiting = 8;

std::string took(Duration duration) {
  return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(duration));
}

}  // namespace

HookQueue::HookQueue(EventLoop& loop, Children& children, std::size_t most, std::function<void()> on_idle)
    : pool_(loop, children, most), on_idle_(std::move(on_idle)) {}

void HookQueue::add(const CommandName& name, CommandOrder order, Duration deadline, HookState state,
                    std::string_view reason) {
  order.environment.push_back(std::string("ANYPROBE_STATE=") + to_string(state));
  order.environment.push_back("ANYPROBE_REASON=" + std::string(reason));
  auto& queue = services_[name.service];
  if (queue.size() > kMostWaiting) {
    log(LogLevel::warning, queue[1].name.to_string() + ": not run, too many hooks of this service wait");
    queue.erase(queue.begin() + 1);
  }
  queue.push_back({name, std::move(order), deadline});
  if (queue.size() == 1) run_next(name.service);
}

void HookQueue::run_next(const std::string& service) {
  const auto& hook = services_.at(service).front();
  pool_.start(hook.order, hook.deadline,
              {.queued = nullptr,
               .started = nullptr,
               .done = [this, name = hook.name, began = Clock::now()](const CommandResult& result) {
                 ended(name, began, result);
               }});
}

void HookQueue::ended(const CommandName& name, TimePoint began, const CommandResult& result) {
  const bool well = result.end == CommandResult::End::exited && result.number == 0;
  auto said = result.end == CommandResult::End::not_started ? std::string() : first_line(result.text);
  if (!said.empty()) said.insert(0, ": ");
  log(well ? LogLevel::info : LogLevel::warning,
      name.to_string() + ": " + result.to_string() + " after " + took(Clock::now() - began) + said,
      {{"service", name.service}, {"hook", name.place}});
  auto& queue = services_.at(name.service);
  queue.pop_front();
  if (!queue.empty()) return run_next(name.service);
  services_.erase(name.service);
  if (services_.empty()) on_idle_();
}

}  // namespace anyprobe
