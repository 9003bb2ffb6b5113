#include "daemon_roles.hpp"

#include <cstdio>

#include "log.hpp"

namespace anyprobe {

bool in_foreground(const CommandLine& line) {
  return line.command == Command::run || line.foreground;
}

void open_the_log(const CommandLine& line) {
  LogOptions options;
  options.level = line.log_level.value_or(LogLevel::info);
  options.json = line.log_format == "json";
  options.syslog = !in_foreground(line);
  options.program = line.instance();
  open_log(options);
}

void complain(const CommandLine& line, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", line.program.c_str(), what.c_str());
}

}  // namespace anyprobe
