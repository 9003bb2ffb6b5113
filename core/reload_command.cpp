#include "reload_command.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <thread>

#include "keeper_link.hpp"
#include "survey.hpp"

namespace anyprobe {
namespace {

using End = ControlAnswer::End;

constexpr Duration kLook = std::chrono::milliseconds(50);

class Reload {
 public:
  explicit Reload(const CommandLine& line)
      : line_(line), instance_(line.instance()), deadline_(Clock::now() + line.timeout) {}

  int run() {
    InstanceStatus before;
    if (const auto wrong = ask_until_told(before); wrong.code != kDone) return complain(wrong);
    const auto answer = ask_instances(line_.run_dir, {instance_}, {kReloadVerb, {}}).front();
    if (answer.end != End::answered) return complain(complaint(answer));
    for (;;) {
      InstanceStatus now;
      if (const auto wrong = ask_until_told(now); wrong.code != kDone) return complain(wrong);
      // Where another was under way, ours is what is judged last.
      if (now.reloads_done > before.reloads_done && now.reloads_done == now.reloads_asked) return tell(now);
      if (Clock::now() > deadline_)
        return complain({kNotNow, "", "not in time: " + instance_ + " has not judged its configuration yet"});
      std::this_thread::sleep_for(kLook);
    }
  }

 private:
  [[nodiscard]] Complaint complaint(const ControlAnswer& answer) const {
    if (answer.end == End::vanished)
      return {kNotRunning, "", instance_ + " does not run: it has no socket in " + line_.run_dir};
    return complaint_of(answer, line_.run_dir);
  }

  // A new configuration may want a new prober, and for a moment there is none.
  Complaint ask_until_told(InstanceStatus& into) const {
    for (;;) {
      const auto answer = ask_instances(line_.run_dir, {instance_}, {kStatusVerb, {}}).front();
      if (answer.end == End::answered) {
        auto status = read_status(answer.text);
        if (!status) return {kNonsense, "", instance_ + " answers with nonsense: " + status.error()};
        into = std::move(status).value();
        return {};
      }
      const bool passes = answer.end == End::headless || (answer.end == End::cut && answer.text.empty());
      if (!passes || Clock::now() > deadline_) return complaint(answer);
      std::this_thread::sleep_for(kLook);
    }
  }

  [[nodiscard]] int tell(const InstanceStatus& now) const {
    const std::string_view refused = kReloadRefused;
    for (const auto& problem : now.problems) {
      if (problem.starts_with(refused)) return complain({kConfiguration, "", problem.substr(refused.size())});
    }
    return kDone;
  }

  [[nodiscard]] int complain(const Complaint& what) const {
    std::fprintf(stderr, "%s: %s\n", line_.program.c_str(), what.line.c_str());
    return what.code;
  }

  const CommandLine& line_;
  const std::string instance_;
  const TimePoint deadline_;
};

}  // namespace

int run_reload(const CommandLine& line) {
  return Reload(line).run();
}

}  // namespace anyprobe
