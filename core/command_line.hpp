// The command line: which program and command it was started as, and its flags as configuration.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config.hpp"
#include "config_reader.hpp"
#include "flags.hpp"
#include "outcome.hpp"
#include "source_file.hpp"

namespace anyprobe {

inline constexpr const char* kConfigFolder = "/etc/anyprobe";

enum class Command : std::uint8_t {
  probe_daemon,
  run,
  check,
  status,
  drain,
  resume,
  validate,
  withdraw,
  doctor,
  reload,
  probes,
  frr_config,
  schema,
  init,
  help,
  version
};

struct CommandLine {
  std::vector<std::string> arguments;  // as given, the program first
  std::string program;                 // "anyprobe", or the name of the link: "dns-probe"
  Command command = Command::run;
  std::string help;              // of Command::help: what to print
  std::vector<FlagGroup> flags;  // and its flags once more, for the manual pages; none of them takes anything
  std::string type;              // of probe: from NAME-probe, --type, or `probes TYPE`
  std::string config;            // --config; empty: the usual places
  std::string run_dir = "/run/anyprobe";
  std::optional<LogLevel> log_level;
  std::optional<std::string> log_format;
  bool foreground = false;
  bool dry_run = false;
  bool adopt = false;
  bool print = false;
  bool as_json = false;
  bool as_nagios = false;
  bool detail = false;               // of status: what happened lately, too
  std::optional<Duration> watch;     // of status: shown again each time
  std::string textfile;              // of status: where its metrics go
  std::string style = "frr";         // of frr-config: for which daemons
  std::string output;                // of init: a file; empty: standard output
  std::string frr_dir = "/etc/frr";  // of init: where the configuration of FRR is
  std::string vty_dir;               // of doctor and init: where FRR's sockets are; empty: as configured
  std::string root;                  // of doctor: where etc, run and usr of the host are; empty: /
  bool all = false;                  // of withdraw, drain and resume
  std::string after;  // of withdraw: how the service manager says that the run ended ($SERVICE_RESULT)
  bool wait = false;
  bool force = false;
  Duration timeout = std::chrono::seconds(30);  // of --wait, and of reload
  std::vector<std::string> names;  // of check, status, drain and resume: services; of probes: a type

  // Flags that say what the configuration says too, as a path below the service and its value.
  struct Setting {
    std::string flag;  // "--min-answers"
    std::string path;  // "probe.min_answers"
    nlohmann::ordered_json value;
    // What is below it ("[0].device") and has another flag or word.
    std::map<std::string, std::string> words = {};
    bool top = false;  // the path is that of the configuration as a whole, not of its one service
  };
  std::vector<Setting> settings;
  std::string name;    // --name; empty: the program's, "anyprobe" of what is no NAME-probe
  std::string target;  // of tcp-route-probe DEV ADDR PORT...: the address

  // What the log is to be like: by flags, else by the configuration, else by default.
  void change_log(const LogSettings& configured) const;
  // The name of the instance: of its pid file, its socket and its state.
  [[nodiscard]] std::string instance() const;
  [[nodiscard]] bool one_service() const { return command == Command::probe_daemon || !type.empty(); }
  // The program of old that has its route in plain words.
  [[nodiscard]] bool takes_route() const {
    return command == Command::probe_daemon && program == "tcp-route-probe";
  }
};

// An error is a usage error: one line, without the program's name.
Outcome<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                        const PluginTable& plugins);

// The files that the command line asks for; none where none was asked for and the flags suffice. `documents`:
// where it goes what assemble() makes of them, which has to be known here in any case; none if that finds
// errors.
Outcome<std::vector<SourceFile>> read_files(const CommandLine& line,
                                            std::vector<ConfigDocument>* documents = nullptr);

// What the files say, with the flags put on top of it.
std::vector<ConfigDocument> assemble(const CommandLine& line, const std::vector<SourceFile>& files,
                                     ConfigErrors& errors);

}  // namespace anyprobe
