#include "drain_command.hpp"

#include <algorithm>
#include <cstdio>
#include <thread>

#include "survey.hpp"

namespace anyprobe {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(100);
// Well within what the daemon lets pass (DrainQueue::kKeen).
constexpr Duration kSayAgain = std::chrono::milliseconds(500);

// Where that cannot be told, nobody waits for it.
bool is_unconfirmed(const AdvertisementStatus& each) {
  return each.routing.confirmed == std::optional(false);
}

bool is_in_queue(const ServiceStatus& service) {
  return service.token && (service.token->queue == DrainQueue::State::waiting ||
                           service.token->queue == DrainQueue::State::claiming);
}

// The daemon itself says when a drain is over.
bool is_over(const ServiceStatus& service, bool drain) {
  if (std::any_of(service.advertise.begin(), service.advertise.end(), is_unconfirmed)) return false;
  if (drain) return service.admin == AdminState::drained;
  return service.admin == AdminState::active &&
         std::all_of(service.advertise.begin(), service.advertise.end(), [](const auto& each) {
           return each.state == AdvertisementState::announced || each.state == AdvertisementState::foreign;
         });
}

// What it is waited for: "dns is down (refused)", "dns: 192.0.2.1/32 on lo is still lingering".
std::string why(const ServiceStatus& service, bool drain) {
  if (!drain && service.health != HealthState::up) {
    return service.name + " is " + to_string(service.health) +
           (service.reason.empty() ? "" : " (" + service.reason + ")");
  }
  if (drain && is_in_queue(service)) {
    const auto others = service.token->advertisement.routing.others.value_or(0);
    return service.name + " waits for its turn (" + service.token->advertisement.what +
           (others > 0 ? " is held by " + std::to_string(others) + " more)" : ")");
  }
  const auto wanted = drain ? AdvertisementState::withdrawn : AdvertisementState::announced;
  for (const auto& each : service.advertise) {
    if (each.state != wanted && each.state != AdvertisementState::foreign)
      return service.name + ": " + each.what + " is " + (drain ? "still " : "") + to_string(each.state);
    if (is_unconfirmed(each))
      return service.name + ": the routing daemon has not confirmed that " + each.what + " is " +
             to_string(each.state);
  }
  return service.name + " is " + to_string(service.admin);
}

class Drain {
 public:
  explicit Drain(const CommandLine& line) : line_(line), drain_(line.command == Command::drain) {}

  int run() {
    auto told = look();
    if (told.complaints.empty()) order(told);
    if (told.complaints.empty() && line_.wait) wait(told);
    // Where a daemon could not be asked, that is why a service is not found.
    const bool all_asked = std::all_of(told.complaints.begin(), told.complaints.end(),
                                       [](const auto& each) { return each.code == kNoSuchService; });
    for (const auto& complaint : told.complaints) {
      if (all_asked || complaint.code != kNoSuchService)
        std::fprintf(stderr, "%s: %s\n", line_.program.c_str(), complaint.line.c_str());
    }
    return told.complaints.empty() ? kDone : told.complaints.front().code;
  }

 private:
  [[nodiscard]] Survey look() const {
    auto told = ask_for_status(line_.run_dir);
    choose(line_.names, told);
    return told;
  }

  [[nodiscard]] bool queues() const { return drain_ && line_.wait && !line_.force; }

  void order(Survey& told) const {
    const auto* verb = !drain_ ? kResumeVerb : line_.force ? kForceDrainVerb : kDrainVerb;
    tell(verb, told, [this](const ServiceStatus& service) { return !queues() || !service.token; });
    if (queues()) join_queue(told);
  }

  void join_queue(Survey& told) const {
    tell(kQueueVerb, told,
         [](const ServiceStatus& service) { return service.token && service.admin == AdminState::active; });
  }

  // Of --all, each of its services: none that comes with a reload in between.
  template <typename Wanted>
  void tell(const char* verb, Survey& told, Wanted wanted) const {
    for (const auto& instance : told.instances) {
      ControlRequest request{verb, {}};
      for (const auto& service : instance.services) {
        if (!wanted(service)) continue;
        request.arguments.push_back(service.name);
        if (encode(request).size() <= kLongestRequest) continue;
        request.arguments.pop_back();
        say(instance.name, request, told);
        request.arguments = {service.name};
      }
      if (!request.arguments.empty()) say(instance.name, request, told);
    }
  }

  void say(const std::string& instance, const ControlRequest& request, Survey& told) const {
    for (const auto& answer : ask_instances(line_.run_dir, {instance}, request)) {
      if (answer.end == ControlAnswer::End::answered) continue;
      auto complaint = complaint_of(answer, line_.run_dir);
      if (answer.end == ControlAnswer::End::vanished)
        complaint = {kNotRunning, "", instance + " runs no more"};
      if (answer.end == ControlAnswer::End::refused) complaint = {kNotNow, "", instance + ": " + answer.text};
      told.complaints.push_back(std::move(complaint));
    }
  }

  void wait(Survey& told) const {
    wait_until_over(told);
    if (told.complaints.empty() || !queues()) return;
    // Nobody would be there to resume what is drained now.
    auto left = look();
    tell(kLeaveQueueVerb, left, is_in_queue);
  }

  void wait_until_over(Survey& told) const {
    const auto begin = Clock::now();
    const auto deadline = begin + line_.timeout;
    auto say_again = begin + kSayAgain;
    for (;;) {
      told = look();
      if (queues() && Clock::now() >= say_again) {
        join_queue(told);
        say_again = Clock::now() + kSayAgain;
      }
      if (!told.complaints.empty()) return;
      std::string waiting;
      for (const auto& instance : told.instances) {
        for (const auto& service : instance.services) {
          if (waiting.empty() && !is_over(service, drain_)) waiting = why(service, drain_);
        }
      }
      if (waiting.empty()) return;
      if (Clock::now() + kLook > deadline) return told.complain(kNotNow, "not in time: " + waiting);
      std::this_thread::sleep_for(kLook);
    }
  }

  const CommandLine& line_;
  const bool drain_;
};

}  // namespace

int run_drain(const CommandLine& line) {
  return Drain(line).run();
}

}  // namespace anyprobe
