// What the daemons of a run-dir say when they are asked for their status, and what is wrong with those that
// do not.
#pragma once

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
// Leaves the services that are named. Where all are found, nothing else matters.
void choose(const std::vector<std::string>& names, Survey& survey);

}  // namespace anyprobe
