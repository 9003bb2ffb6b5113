// What the daemons of a run-dir say when they are asked for their status, and what is wrong with those that
// do not.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control_client.hpp"
#include "exit_codes.hpp"
#include "status.hpp"

namespace anyprobe {

struct Complaint {
  int code = kDone;
  const char* state = "unknown";  // of the instance, in JSON
  std::string line;
};

struct Survey {
  std::vector<InstanceStatus> instances;
  std::vector<Complaint> complaints;

  void complain(int code, std::string line) { complaints.push_back({code, "", std::move(line)}); }
};

// Whether it told of its services.
[[nodiscard]] bool knows(const InstanceStatus& instance);
// Why one did not answer; of no code where it did, or is not there any more.
[[nodiscard]] Complaint complaint_of(const ControlAnswer& answer, const std::string& run_dir);
// Every daemon that has a socket there is asked. `more`: an argument of the verb; one of an earlier version,
// which does not know it, tells the rest.
[[nodiscard]] Survey ask_for_status(const std::string& run_dir, const char* more = nullptr);
// The same, asked again and again without waiting for anybody. Of one that owes an answer, what it said last
// stands until it is known better.
class LiveSurvey {
 public:
  // `more`: as above; outlives this. `changed`: there is another answer; called from a callback of the loop.
  LiveSurvey(EventLoop& loop, std::string run_dir, const char* more, std::function<void()> changed,
             ControlPatience patience = {});

  // Asks all that owe no answer. Not to be called by `changed`.
  void ask();
  [[nodiscard]] bool owed() const;
  // What is known now. Who owes an answer for a while is complained of.
  [[nodiscard]] Survey told() const;

 private:
  struct Daemon {
    std::unique_ptr<ControlQuestion> question;
    TimePoint asked{};
    std::optional<InstanceStatus> status;
    Complaint complaint;
  };
  void put(const std::string& instance, Daemon& daemon, const char* more);
  void take(const std::string& instance, Daemon& daemon, const char* more);

  EventLoop& loop_;
  const std::string run_dir_;
  const char* const more_;
  const std::function<void()> changed_;
  const ControlPatience patience_;
  std::map<std::string, Daemon> daemons_;                // by instance
  std::vector<std::unique_ptr<ControlQuestion>> spent_;  // they end in a callback of their own
  std::vector<Complaint> of_folder_;
};

// Leaves the services that are named. Where all are found, nothing else matters.
void choose(const std::vector<std::string>& names, Survey& survey);

}  // namespace anyprobe
