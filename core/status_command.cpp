#include "status_command.hpp"

#include <algorithm>
#include <cstdio>

#include "nagios.hpp"
#include "status_table.hpp"
#include "survey.hpp"

namespace anyprobe {
namespace {

int print(const CommandLine& line, Survey& told) {
  if (line.as_json) {
    std::printf("%s\n", status_json(told.instances, true).c_str());
  } else {
    std::erase_if(told.instances, [](const auto& instance) { return !knows(instance); });
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    std::fputs(status_table(told.instances, now).c_str(), stdout);
  }
  if (std::fflush(stdout) != 0) told.complain(kSystem, "the status cannot be written");
  for (const auto& complaint : told.complaints)
    std::fprintf(stderr, "%s: %s\n", line.program.c_str(), complaint.line.c_str());
  return told.complaints.empty() ? kDone : told.complaints.front().code;
}

// Whoever runs a plugin reads standard output, and knows its four codes alone.
int print_report(const Survey& told) {
  const auto report = nagios_report(told);
  std::printf("%s\n", report.line.c_str());
  return std::fflush(stdout) == 0 ? report.code : kUnknown;
}

}  // namespace

int run_status(const CommandLine& line) {
  auto told = ask_for_status(line.run_dir);
  choose(line.names, told);
  return line.as_nagios ? print_report(told) : print(line, told);
}

}  // namespace anyprobe
