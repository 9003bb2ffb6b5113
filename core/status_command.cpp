#include "status_command.hpp"

#include <algorithm>
#include <cstdio>

#include "metrics.hpp"
#include "nagios.hpp"
#include "replace_file.hpp"
#include "status_table.hpp"
#include "status_watch.hpp"
#include "survey.hpp"

namespace anyprobe {

int tell_complaints(const CommandLine& line, const Survey& told) {
  for (const auto& complaint : told.complaints)
    std::fprintf(stderr, "%s: %s\n", line.program.c_str(), complaint.line.c_str());
  return told.complaints.empty() ? kDone : told.complaints.front().code;
}

std::string table_of(Survey& told, bool colour) {
  std::erase_if(told.instances, [](const auto& instance) { return !knows(instance); });
  return status_table(told.instances, wall_now(), colour);
}

namespace {

int print(const CommandLine& line, Survey& told) {
  if (line.as_json) {
    std::printf("%s\n", status_json(told.instances, true).c_str());
  } else {
    std::fputs(table_of(told, may_colour()).c_str(), stdout);
  }
  if (std::fflush(stdout) != 0) told.complain(kSystem, "the status cannot be written");
  return tell_complaints(line, told);
}

// Whoever runs a plugin reads standard output, and knows its four codes alone.
int print_report(const Survey& told) {
  const auto report = nagios_report(told);
  std::printf("%s\n", report.line.c_str());
  return std::fflush(stdout) == 0 ? report.code : kUnknown;
}

int write_metrics(const CommandLine& line, Survey& told) {
  const auto text = metrics_text(told);
  if (!text) {
    std::fprintf(stderr, "%s: --textfile: %s\n", line.program.c_str(), text.error().c_str());
    return kUsage;
  }
  if (auto wrong = replace_file(line.textfile, *text); !wrong.empty())
    told.complain(kSystem, std::move(wrong));
  return tell_complaints(line, told);
}

}  // namespace

int run_status(const CommandLine& line) {
  if (line.watch) return watch_status(line);
  const char* more = !line.textfile.empty() ? kCountsArgument : line.detail ? kDetailArgument : nullptr;
  auto told = ask_for_status(line.run_dir, more);
  choose(line.names, told);
  if (!line.textfile.empty()) return write_metrics(line, told);
  return line.as_nagios ? print_report(told) : print(line, told);
}

}  // namespace anyprobe
