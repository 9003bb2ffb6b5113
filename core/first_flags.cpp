#include "first_flags.hpp"

#include "text.hpp"

namespace anyprobe {
namespace {

std::function<std::string(const std::string&)> set(std::string& where) {
  return [&where](const std::string& value) {
    where = value;
    return value.empty() ? std::string("is empty") : std::string();
  };
}

}  // namespace

void first_flags(CommandLine& line, std::vector<Flag>& flags) {
  if (line.command == Command::frr_config) {
    flags.push_back({"style", Flag::Argument::required, "frr|quagga|bird",
                     "for which daemons: FRR's one frr.conf, the file of each daemon of Quagga, or BIRD 2 "
                     "(default: frr)",
                     [&line](const std::string& value) {
                       line.style = value;
                       return value == "frr" || value == "quagga" || value == "bird"
                                  ? std::string()
                                  : in_quotes(value) + " is none of frr, quagga, bird";
                     }});
    return;
  }
  flags.clear();
  flags.push_back({"output", Flag::Argument::required, "PATH",
                   "a file to write instead of printing, mode 0640; one that is there is left as it is",
                   set(line.output)});
  flags.push_back({"frr-dir", Flag::Argument::required, "FOLDER",
                   "where the configuration of FRR is, if it does not run (default: " + line.frr_dir +
                       ", and then /etc/quagga)",
                   set(line.frr_dir)});
  flags.push_back({"vty-dir", Flag::Argument::required, "FOLDER",
                   "where the vty sockets of FRR's daemons are (default: " + std::string(kVtyDir) + ")",
                   set(line.vty_dir)});
}

}  // namespace anyprobe
