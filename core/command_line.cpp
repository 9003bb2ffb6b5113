#include "command_line.hpp"

#include <cctype>
#include <filesystem>

#include "announce_flags.hpp"
#include "command_words.hpp"
#include "duration.hpp"
#include "first_flags.hpp"
#include "flags.hpp"
#include "status_flags.hpp"
#include "text.hpp"
#include "usage.hpp"

namespace anyprobe {
namespace {

using json = nlohmann::ordered_json;

class Parser {
 public:
  explicit Parser(const PluginTable& plugins) : plugins_(plugins) {}

  Outcome<CommandLine> parse(const std::vector<std::string>& arguments) {
    const auto path = arguments.empty() ? std::string("anyprobe") : arguments.front();
    line_.arguments = arguments;
    line_.program = std::filesystem::path(path).filename().string();
    if (const auto* plugin = plugins_.find_program(line_.program)) {
      line_.type = plugin->type;
      line_.command = Command::probe_daemon;
      return finish(arguments, line_.takes_route());
    }
    if (auto why = plugins_.why_not_program(line_.program); !why.empty()) return Error{std::move(why)};
    if (line_.program.ends_with("-probe"))
      return Error{"no probe is started by this name (see anyprobe probes)"};
    if (arguments.size() < 2) return Error{"lacks a command (see anyprobe --help)"};
    auto rest = arguments;
    rest.erase(rest.begin());
    const auto& word = rest.front();
    if (word == "--help" || word == "-h" || word == "help") return show(usage());
    if (word == "--version") {
      line_.command = Command::version;
      return std::move(line_);
    }
    const auto* command = find_command(word);
    if (command == nullptr) return Error{in_quotes(word) + " is no command (see anyprobe --help)"};
    line_.command = command->command;
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
      auto text = usage_of(line_, plugins_) + format_flags(groups);
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
    return "--type: " + in_quotes(line_.type) + " " + plugins_.why_not(line_.type);
  }

  Outcome<CommandLine> positional(std::vector<std::string> rest) {
    if (line_.command == Command::check) {
      if (!line_.type.empty() && !rest.empty())
        return Error{in_quotes(rest.front()) + ": with --type, no service"};
      line_.names = std::move(rest);
      return std::move(line_);
    }
    if (auto wrong = wrong_with_status(line_); !wrong.empty()) return Error{std::move(wrong)};
    if (line_.command == Command::status || (line_.command == Command::probes && rest.size() == 1)) {
      line_.names = std::move(rest);
      return std::move(line_);
    }
    if (administers()) {
      if (line_.all == !rest.empty()) {
        return Error{line_.all ? in_quotes(rest.front()) + ": with --all, no service"
                               : "lacks a SERVICE, or --all"};
      }
      line_.names = std::move(rest);
      return std::move(line_);
    }
    if (line_.command == Command::withdraw && line_.all == !line_.name.empty())
      return Error{line_.all ? "--name: does not go with --all" : "lacks --all, or --name NAME"};
    if (!rest.empty() && !line_.takes_route())
      return Error{in_quotes(rest.front()) + " is one argument too many"};
    if (!rest.empty()) {
      if (auto wrong = take_route(rest); !wrong.empty()) return Error{wrong};
    }
    auto announced = announce_.setting();
    if (!announced) return Error{announced.error()};
    if (*announced) line_.settings.push_back(**announced);
    return std::move(line_);
  }

  [[nodiscard]] bool administers() const {
    return line_.command == Command::drain || line_.command == Command::resume;
  }

  // DEV ADDR PORT...
  std::string take_route(const std::vector<std::string>& words) {
    for (const auto& word : words) {
      if (word.starts_with("--")) return word + ": options go before DEV";
      if (!is_utf8(word)) return in_quotes(word) + " is no UTF-8";
    }
    if (words.size() < 3)
      return std::string(words.size() < 2 ? "ADDR" : "PORT") + ": is missing (DEV ADDR PORT...)";
    for (const auto& setting : line_.settings) {
      if (setting.path == "probe.host" || setting.path == "probe.ports")
        return setting.flag + ": does not go with DEV ADDR PORT...";
    }
    const auto address = IpAddress::parse(words[1]);
    if (!address) return "ADDR: " + address.error();
    line_.target = address->to_string();
    json ports = json::array();
    OptionSpec port{.name = "ports", .kind = OptionKind::integer};
    for (std::size_t i = 2; i < words.size(); ++i) ports.push_back(flag_value(port, words[i]));
    line_.settings.push_back({"ADDR", "probe.host", line_.target});
    line_.settings.push_back({"PORT", "probe.ports", std::move(ports)});
    announce_.add_route(line_.target, words[0], "ADDR", "DEV");
    return {};
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
    if (command == Command::status) {
      flags = status_flags(line_);
      flags.push_back({"run-dir", Flag::Argument::required, "DIR",
                       "where the sockets of the daemons are (default: " + line_.run_dir + ")",
                       set(line_.run_dir)});
    } else if (administers()) {
      const bool drain = command == Command::drain;
      flags.push_back({"all", Flag::Argument::none, "", "every service of every daemon", raise(line_.all)});
      flags.push_back({"wait", Flag::Argument::none, "",
                       drain ? "return when nothing is announced any more, nor lingers: the service may be "
                               "restarted now"
                             : "return when everything is announced",
                       raise(line_.wait)});
      if (drain) {
        flags.push_back({"force", Flag::Argument::none, "",
                         "also what no other router announces; else that is refused, exit 75",
                         raise(line_.force)});
      }
      flags.push_back(timeout_flag());
      flags.push_back(run_dir_flag("where the sockets of the daemons are"));
    } else if (command == Command::reload) {
      flags.push_back(instance_flag("the instance that is to read its configuration again"));
      flags.push_back(timeout_flag());
      flags.push_back(run_dir_flag("where the sockets of the daemons are"));
    } else {
      flags.push_back({"config", Flag::Argument::required, "PATH", config_help(), set(line_.config)});
    }
    if (command == Command::check) {
      flags.push_back({"type", Flag::Argument::required, "TYPE",
                       "a probe of this type without a configuration", set(line_.type)});
    }
    if (command == Command::doctor) {
      flags.push_back({"json", Flag::Argument::none, "", "JSON instead of text", raise(line_.as_json)});
      flags.push_back(run_dir_flag("where the files of the daemons are"));
      flags.push_back(
          {"vty-dir", Flag::Argument::required, "DIR",
           "where FRR has its vty sockets (default: as configured, else " + std::string(kVtyDir) + ")",
           set(line_.vty_dir)});
      flags.push_back({"root", Flag::Argument::required, "DIR",
                       "where etc, run and usr with the files of systemd are (default: /)", set(line_.root)});
    }
    if (command == Command::validate) {
      flags.push_back({"print", Flag::Argument::none, "",
                       "print what was read, with the defaults of each service filled in",
                       raise(line_.print)});
    }
    if (command == Command::withdraw) {
      flags.clear();
      flags.push_back({"all", Flag::Argument::none, "",
                       "all there is; asked for so that it is not done in error", raise(line_.all)});
      flags.push_back(instance_flag("only what this instance left", ""));
      flags.push_back({"after", Flag::Argument::required, "RESULT",
                       "with --name: how its run ended, as systemd says it; after another than success, what "
                       "was handed over is cleared too",
                       set(line_.after)});
      flags.push_back(run_dir_flag("where the files of the instances are"));
    }
    if (command == Command::frr_config || command == Command::init) first_flags(line_, flags);
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
    if (line_.command == Command::probes || line_.command == Command::schema)
      return "a configuration whose folder of plugins is looked into too";
    return "the configuration; conf.d/*.json beside it are read after it (default: " +
           std::string(kConfigFolder) + "/anyprobe.json)";
  }

  Flag run_dir_flag(const std::string& what) {
    return {"run-dir", Flag::Argument::required, "DIR", what + " (default: " + line_.run_dir + ")",
            set(line_.run_dir)};
  }

  Flag instance_flag(const std::string& what, const char* otherwise = " (default: anyprobe)") {
    return {"name", Flag::Argument::required, "NAME", what + otherwise, [this](const std::string& value) {
              line_.name = value;
              return wrong_with_name(value);
            }};
  }

  Flag timeout_flag() {
    return {"timeout", Flag::Argument::required, "DURATION",
            "how long to wait at most, else exit 75 (default: 30s)", [this](const std::string& text) {
              const auto duration = parse_duration(text);
              if (!duration) return duration.error();
              line_.timeout = *duration;
              return std::string();
            }};
  }

  void add_daemon_flags(std::vector<Flag>& flags) {
    if (line_.command == Command::run)
      flags.push_back(instance_flag("the name of this instance: of its pid file, socket and state"));
    flags.push_back(run_dir_flag("where the pid file, the socket and the state are"));
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
    const auto& metrics = metrics_options().front();
    flags.push_back(option_flag(metrics, "metrics.", true, "metrics-listen"));
    flags.back().help = metrics.help;  // only where there are to be metrics is it required
    flags.push_back(option_flag(agent_options().front(), "agent.", true, "agent"));
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
    FlagGroup out{"What is announced", announce_.flags()};
    out.flags.push_back({"name", Flag::Argument::required, "NAME",
                         "the name of this instance (default: " + line_.program +
                             (line_.takes_route() ? ", and -ADDR where that is given)" : ")"),
                         [this](const std::string& value) {
                           line_.name = value;
                           line_.settings.push_back({"--name", "name", value});
                           return wrong_with_name(value);
                         }});
    return out;
  }

  FlagGroup probe_options() {
    FlagGroup out{"Options of the " + line_.type + " probe", {}};
    for (const auto& spec : plugins_.find(line_.type)->options) {
      out.flags.push_back(option_flag(spec, "probe."));
      if (spec.kind == OptionKind::secret) out.flags.push_back(file_flag(spec, "probe."));
    }
    return out;
  }

  FlagGroup service_flags() {
    FlagGroup out{"When it is up", {}};
    for (const auto& spec : service_options()) out.flags.push_back(option_flag(spec, ""));
    for (const auto& spec : top_options()) {
      if (std::string_view(spec.name) == "lsa_spacing") out.flags.push_back(option_flag(spec, "", true));
    }
    return out;
  }

  // `top`: it stands beside the services. `name`: if not that of the option.
  Flag option_flag(const OptionSpec& spec, const std::string& below, bool top = false,
                   std::string name = {}) {
    Flag flag;
    flag.name = name.empty() ? flag_name(spec.name) : std::move(name);
    flag.argument = spec.kind == OptionKind::boolean ? Flag::Argument::optional : Flag::Argument::required;
    flag.placeholder = placeholder_of(spec);
    flag.help = full_help(spec);
    flag.take = [this, &spec, top, path = below + spec.name,
                 name = "--" + flag.name](const std::string& text) {
      if (!is_utf8(text)) return std::string("is no UTF-8");
      auto value = flag_value(spec, text);
      for (auto& earlier : line_.settings) {
        if (earlier.path != path) continue;
        earlier.flag = name;
        if (spec.list)
          earlier.value.push_back(std::move(value));
        else
          earlier.value = std::move(value);
        return std::string();
      }
      line_.settings.push_back(
          {name, path, spec.list ? json::array({std::move(value)}) : std::move(value), {}, top});
      return std::string();
    };
    return flag;
  }

  // A command line is seen by everybody, so a secret may stand in a file.
  Flag file_flag(const OptionSpec& spec, const std::string& below) {
    Flag flag;
    flag.name = flag_name(spec.name) + "-file";
    flag.argument = Flag::Argument::required;
    flag.placeholder = "PATH";
    flag.help = "a file with what --" + flag_name(spec.name) + " takes, which nobody else may read";
    flag.take = [this, path = below + spec.name, name = "--" + flag.name](const std::string& text) {
      if (text.empty()) return std::string("is empty");
      if (!is_utf8(text)) return std::string("is no UTF-8");
      line_.settings.push_back({name, path, {{"file", std::filesystem::absolute(text).string()}}});
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
  AnnounceFlags announce_;
};

}  // namespace

Outcome<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                        const PluginTable& plugins) {
  return Parser(plugins).parse(arguments);
}

}  // namespace anyprobe
