#include "status_flags.hpp"

#include "config_reader.hpp"
#include "duration.hpp"

namespace anyprobe {
namespace {

std::string set_watch(CommandLine& line, const std::string& text) {
  const auto every = parse_duration(text.empty() ? "1s" : text);
  if (!every) return every.error();
  line.watch = *every;
  return *every < std::chrono::milliseconds(100) ? "is below 100ms" : "";
}

}  // namespace

std::vector<Flag> status_flags(CommandLine& line) {
  const auto raise = [](bool& to) {
    return [&to](const std::string&) {
      to = true;
      return std::string();
    };
  };
  std::vector<Flag> out;
  out.push_back({"json", Flag::Argument::none, "", "JSON instead of a table", raise(line.as_json)});
  out.push_back({"nagios", Flag::Argument::none, "",
                 "one line with performance data, and exit 0, 1, 2 or 3, as a plugin of Nagios",
                 raise(line.as_nagios)});
  out.push_back({"textfile", Flag::Argument::required, "PATH",
                 "write metrics for the textfile collector of Prometheus' node_exporter",
                 [&line](const std::string& text) {
                   line.textfile = text;
                   return std::string();
                 }});
  out.push_back({"detail", Flag::Argument::none, "",
                 "also the last answers and changes of each service, and who announces what",
                 raise(line.detail)});
  out.push_back({"watch", Flag::Argument::optional, "DURATION",
                 "a live screen, drawn anew each second or as often as that; q ends it",
                 [&line](const std::string& text) { return set_watch(line, text); }});
  return out;
}

std::string wrong_with_status(const CommandLine& line) {
  if (line.as_nagios && line.as_json) return "--nagios: does not go with --json";
  const bool asks = line.as_nagios || line.as_json;
  if (!line.textfile.empty() && asks) return "--textfile: does not go with --json or --nagios";
  if (line.watch && (asks || !line.textfile.empty()))
    return "--watch: does not go with --json, --nagios or --textfile";
  return {};
}

}  // namespace anyprobe
