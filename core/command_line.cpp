#include "command_line.hpp"

#include <cctype>
#include <charconv>
#include <filesystem>

#include "flags.hpp"
#include "text.hpp"

namespace anyprobe {
namespace {

using nlohmann::json;

constexpr const char* kUsage =
    "Usage: anyprobe COMMAND [options]\n"
    "\n"
    "Asks services on this host whether they work, and announces the addresses of\n"
    "those that do.\n"
    "\n"
    "Commands:\n"
    "  run                   every configured service in one process\n"
    "  check [SERVICE...]    one round of probes now, no address touched\n"
    "  validate              the configuration only, every error with its path\n"
    "  probes [TYPE]         the probes there are, or the options of one\n"
    "\n"
    "anyprobe COMMAND --help tells the options of a command. Started as dns-probe it\n"
    "is the prober of that one service: see dns-probe --help.\n";

// A flag's value as JSON of the kind that the option wants; what does not fit is left as text and refused by
// its path.
json flag_value(const OptionSpec& spec, const std::string& text) {
  if (spec.kind == OptionKind::boolean) {
    if (text.empty() || text == "true") return true;
    if (text == "false") return false;
  }
  if (spec.kind == OptionKind::integer) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
  }
  return text;
}

bool is_utf8(const std::string& text) {
  try {
    (void)json(text).dump();
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

class Parser {
 public:
  explicit Parser(const PluginTable& plugins) : plugins_(plugins) {}

  Outcome<CommandLine> parse(const std::vector<std::string>& arguments) {
    const auto path = arguments.empty() ? std::string("anyprobe") : arguments.front();
    line_.arguments = arguments;
    line_.program = std::filesystem::path(path).filename().string();
    constexpr std::string_view kSuffix = "-probe";
    if (line_.program.ends_with(kSuffix)) {
      line_.type = line_.program.substr(0, line_.program.size() - kSuffix.size());
      if (plugins_.find(line_.type) == nullptr)
        return Error{"there is no probe of type " + in_quotes(line_.type)};
      line_.command = Command::probe_daemon;
      return finish(arguments, false);
    }
    if (arguments.size() < 2) return Error{"lacks a command (see anyprobe --help)"};
    auto rest = arguments;
    rest.erase(rest.begin());
    const auto& word = rest.front();
    if (word == "--help" || word == "-h" || word == "help") return show(kUsage);
    if (word == "--version") {
      line_.command = Command::version;
      return std::move(line_);
    }
    if (word == "run")
      line_.command = Command::run;
    else if (word == "check")
      line_.command = Command::check;
    else if (word == "validate")
      line_.command = Command::validate;
    else if (word == "probes")
      line_.command = Command::probes;
    else
      return Error{in_quotes(word) + " is no command (see anyprobe --help)"};
    return finish(rest, false);
  }

 private:
  Outcome<CommandLine> show(std::string text) {
    line_.command = Command::help;
    line_.help = std::move(text);
    return std::move(line_);
  }

  Outcome<CommandLine> finish(const std::vector<std::string>& arguments, bool options_first) {
    // The type decides which flags there are, so it is looked for first.
    if (line_.command == Command::check) {
      if (auto wrong = find_type(arguments); !wrong.empty()) return Error{wrong};
    }
    auto groups = flags();
    auto rest = parse_flags(arguments, groups, options_first);
    if (!rest) return Error{rest.error()};
    if (help_) {
      auto text = usage() + format_flags(groups);
      for (auto& group : groups) {
        for (auto& flag : group.flags) flag.take = nullptr;  // it refers to this parser
      }
      line_.flags = std::move(groups);
      return show(std::move(text));
    }
    if (line_.command == Command::version) return std::move(line_);
    return positional(std::move(rest).value());
  }

  std::string find_type(const std::vector<std::string>& arguments) {
    for (std::size_t i = 1; i < arguments.size(); ++i) {
      const auto& word = arguments[i];
      if (word == "--type" && i + 1 < arguments.size()) line_.type = arguments[i + 1];
      if (word.starts_with("--type=")) line_.type = word.substr(7);
    }
    if (line_.type.empty() || plugins_.find(line_.type) != nullptr) return {};
    return "--type: " + in_quotes(line_.type) + " is no type of probe (one of " + plugins_.types() + ")";
  }

  Outcome<CommandLine> positional(std::vector<std::string> rest) {
    if (line_.command == Command::check) {
      if (!line_.type.empty() && !rest.empty())
        return Error{in_quotes(rest.front()) + ": with --type, no service"};
      line_.names = std::move(rest);
      return std::move(line_);
    }
    if (line_.command == Command::probes && rest.size() == 1) {
      line_.names = std::move(rest);
      return std::move(line_);
    }
    if (!rest.empty()) return Error{in_quotes(rest.front()) + " is one argument too many"};
    if (!interface_.empty() && addresses_.empty()) return Error{"--interface: goes with --address"};
    add_advertisements();
    return std::move(line_);
  }

  // --address and --interface together are the list of advertisements.
  void add_advertisements() {
    if (addresses_.empty()) return;
    json list = json::array();
    for (const auto& address : addresses_) {
      json item = {{"address", address}};
      if (!interface_.empty()) item["interface"] = interface_;
      list.push_back(std::move(item));
    }
    line_.settings.push_back({"--address", "advertise", std::move(list)});
  }

  [[nodiscard]] std::string usage() const {
    switch (line_.command) {
      case Command::run:
        return "Usage: anyprobe run [options]\n\nEvery configured service in one process, in the "
               "foreground.\n";
      case Command::check:
        return "Usage: anyprobe check [options] [SERVICE...]\n"
               "       anyprobe check --type TYPE [options of the probe]\n\n"
               "One round of probes now; no address is touched. Exits 0 where all pass, 2 where\n"
               "one fails, 3 where it cannot be told.\n";
      case Command::validate:
        return "Usage: anyprobe validate [options]\n\n"
               "Reads the configuration and tells every error with its path. Exits 78 if any.\n";
      case Command::probes:
        return "Usage: anyprobe probes [TYPE]\n\nThe probes there are, or the options of one.\n";
      default:
        break;
    }
    return "Usage: " + line_.program + " --address PREFIX [options]\n\n" +
           plugins_.find(line_.type)->summary +
           ".\nWhile the service passes, the addresses are on the interface; while it does not,\n"
           "they are not. Goes to the background once it is known to run.\n";
  }

  [[nodiscard]] std::vector<FlagGroup> flags() {
    std::vector<FlagGroup> out;
    const auto command = line_.command;
    const bool daemon = command == Command::probe_daemon || command == Command::run;
    if (command == Command::probe_daemon) out.push_back(announcing());
    if (command == Command::probe_daemon || !line_.type.empty()) out.push_back(probe_options());
    if (command == Command::probe_daemon) out.push_back(service_flags());
    FlagGroup general{"General", {}};
    auto& flags = general.flags;
    flags.push_back({"config", Flag::Argument::required, "PATH", config_help(), set(line_.config)});
    if (command == Command::check) {
      flags.push_back({"type", Flag::Argument::required, "TYPE",
                       "a probe of this type without a configuration", set(line_.type)});
    }
    if (command == Command::validate) {
      flags.push_back({"print", Flag::Argument::none, "",
                       "print what was read, with the defaults of each service filled in",
                       raise(line_.print)});
    }
    if (daemon) add_daemon_flags(flags);
    flags.push_back({"version", Flag::Argument::none, "", "print the version", [this](const std::string&) {
                       line_.command = Command::version;
                       return std::string();
                     }});
    flags.push_back({"help", Flag::Argument::none, "", "print this", raise(help_)});
    out.push_back(std::move(general));
    return out;
  }

  [[nodiscard]] std::string config_help() const {
    if (line_.command == Command::probe_daemon) {
      return "a configuration of this one service; flags win over it (default: " +
             std::string(kConfigFolder) + "/" + line_.program + ".json where it is)";
    }
    if (line_.command == Command::probes) return "a configuration whose folder of plugins is looked into too";
    return "the configuration; conf.d/*.json beside it are read after it (default: " +
           std::string(kConfigFolder) + "/anyprobe.json)";
  }

  void add_daemon_flags(std::vector<Flag>& flags) {
    flags.push_back({"run-dir", Flag::Argument::required, "DIR",
                     "where the pid file is (default: " + line_.run_dir + ")", set(line_.run_dir)});
    if (line_.command == Command::probe_daemon) {
      flags.push_back({"foreground", Flag::Argument::none, "",
                       "stay in the foreground, log to standard error", raise(line_.foreground)});
    }
    flags.push_back({"dry-run", Flag::Argument::none, "",
                     "everything but the change in the kernel, which is logged; needs no privilege",
                     raise(line_.dry_run)});
    flags.push_back({"adopt", Flag::Argument::none, "",
                     "take over an address that is there without our mark, instead of refusing to start",
                     raise(line_.adopt)});
    flags.push_back({"log-level", Flag::Argument::required, "error|warning|info|debug",
                     "the least important of what is logged (default: info)",
                     [this](const std::string& value) {
                       line_.log_level = parse_log_level(value);
                       return line_.log_level ? std::string()
                                              : in_quotes(value) + " is none of error, warning, info, debug";
                     }});
    flags.push_back({"log-format", Flag::Argument::required, "text|json",
                     "lines for people, or JSON (default: text)", [this](const std::string& value) {
                       line_.log_format = value;
                       return value == "text" || value == "json"
                                  ? std::string()
                                  : in_quotes(value) + " is neither text nor json";
                     }});
  }

  FlagGroup announcing() {
    return {"What is announced",
            {{"address", Flag::Argument::required, "PREFIX", "a service address; may be given several times",
              [this](const std::string& value) {
                addresses_.push_back(value);
                return is_utf8(value) ? std::string() : "is no UTF-8";
              }},
             {"interface", Flag::Argument::required, "NAME", "the interface they are added to (default: lo)",
              [this](const std::string& value) {
                interface_ = value;
                return is_utf8(value) ? std::string() : "is no UTF-8";
              }},
             {"name", Flag::Argument::required, "NAME",
              "the name of this instance (default: " + line_.program + ")", [this](const std::string& value) {
                line_.name = value;
                line_.settings.push_back({"--name", "name", value});
                return wrong_with_name(value);
              }}}};
  }

  FlagGroup probe_options() {
    FlagGroup out{"Options of the " + line_.type + " probe", {}};
    for (const auto& spec : plugins_.find(line_.type)->options)
      out.flags.push_back(option_flag(spec, "probe."));
    return out;
  }

  FlagGroup service_flags() {
    FlagGroup out{"When it is up", {}};
    for (const auto& spec : service_options()) out.flags.push_back(option_flag(spec, ""));
    return out;
  }

  Flag option_flag(const OptionSpec& spec, const std::string& below) {
    Flag flag;
    flag.name = flag_name(spec.name);
    flag.argument = spec.kind == OptionKind::boolean ? Flag::Argument::optional : Flag::Argument::required;
    flag.placeholder = placeholder_of(spec);
    flag.help = full_help(spec);
    flag.take = [this, &spec, path = below + spec.name, name = "--" + flag.name](const std::string& text) {
      if (!is_utf8(text)) return std::string("is no UTF-8");
      auto value = flag_value(spec, text);
      for (auto& earlier : line_.settings) {
        if (earlier.path != path) continue;
        if (spec.list)
          earlier.value.push_back(std::move(value));
        else
          earlier.value = std::move(value);
        return std::string();
      }
      line_.settings.push_back({name, path, spec.list ? json::array({std::move(value)}) : std::move(value)});
      return std::string();
    };
    return flag;
  }

  static std::function<std::string(const std::string&)> set(std::string& where) {
    return [&where](const std::string& value) {
      where = value;
      return value.empty() ? std::string("is empty") : std::string();
    };
  }

  static std::function<std::string(const std::string&)> raise(bool& where) {
    return [&where](const std::string&) {
      where = true;
      return std::string();
    };
  }

  const PluginTable& plugins_;
  CommandLine line_;
  bool help_ = false;
  std::vector<std::string> addresses_;
  std::string interface_;
};

}  // namespace

void CommandLine::change_log(const LogSettings& configured) const {
  const auto level = log_level ? log_level : configured.level;
  const bool json = log_format ? *log_format == "json" : configured.json.value_or(false);
  anyprobe::change_log(level.value_or(LogLevel::info), json);
}

std::string CommandLine::instance() const {
  if (!name.empty()) return name;
  return command == Command::check ? type : program;
}

Outcome<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                        const PluginTable& plugins) {
  return Parser(plugins).parse(arguments);
}

}  // namespace anyprobe
