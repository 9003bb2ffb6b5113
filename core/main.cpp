#include <cstdio>
#include <exception>

#include "anyprobe_features.hpp"
#include "check.hpp"
#include "command_line.hpp"
#include "daemon.hpp"
#include "doctor_command.hpp"
#include "drain_command.hpp"
#include "exit_codes.hpp"
#include "first_commands.hpp"
#include "own_process.hpp"
#include "probes/builtin.hpp"
#include "reload_command.hpp"
#include "status_command.hpp"
#include "withdraw_command.hpp"

namespace anyprobe {
namespace {

int run(const std::vector<std::string>& arguments) {
  PluginTable plugins(builtin_probes(), absent_probes());
  const auto line = parse_command_line(arguments, plugins);
  if (!line) {
    const auto name = arguments.empty() ? std::string("anyprobe") : arguments.front();
    std::fprintf(stderr, "%s: %s\n", name.substr(name.rfind('/') + 1).c_str(), line.error().c_str());
    return kUsage;
  }
  switch (line->command) {
    case Command::help:
      std::fputs(line->help.c_str(), stdout);
      return kDone;
    case Command::version:
      std::printf("anyprobe %s%s\n", ANYPROBE_VERSION, ANYPROBE_FEATURES);
      return kDone;
    case Command::check:
      return run_check(*line, plugins);
    case Command::status:
      return run_status(*line);
    case Command::drain:
    case Command::resume:
      return run_drain(*line);
    case Command::validate:
      return run_validate(*line, plugins);
    case Command::reload:
      return run_reload(*line);
    case Command::withdraw:
      return run_withdraw(*line);
    case Command::doctor:
      return run_doctor(*line, plugins);
    case Command::probes:
      return run_probes(*line, plugins);
    case Command::schema:
      return run_schema(*line, plugins);
    case Command::frr_config:
      return run_frr_config(*line, plugins);
    case Command::init:
      return run_init(*line, plugins);
    case Command::run:
    case Command::probe_daemon:
      break;
  }
  keep_no_free_memory();
  if (is_runner()) return run_runner(*line);
  return is_prober() ? run_prober(*line, plugins) : run_daemon(*line, plugins);
}

}  // namespace
}  // namespace anyprobe

int main(int argc, char** argv) {
  try {
    return anyprobe::run({argv, argv + argc});
  } catch (const std::exception& e) {
    std::fprintf(stderr, "anyprobe: internal error: %s\n", e.what());
    return anyprobe::kInternal;
  }
}
