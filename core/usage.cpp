#include "usage.hpp"

#include <algorithm>

#include "command_words.hpp"

namespace anyprobe {

std::string usage() {
  std::string out =
      "Usage: anyprobe COMMAND [options]\n"
      "\n"
      "Asks services on this host whether they work, and announces the addresses of\n"
      "those that do.\n"
      "\n"
      "Commands:\n";
  for (const auto& words : command_words()) {
    constexpr std::size_t kColumn = 22;
    auto synopsis = std::string(words.name) + words.arguments;
    synopsis.resize(std::max(kColumn, synopsis.size() + 1), ' ');
    out += "  " + synopsis + words.help + "\n";
  }
  return out +
         "\n"
         "anyprobe COMMAND --help tells the options of a command. Started as dns-probe it\n"
         "is the prober of that one service: see dns-probe --help.\n";
}

std::string usage_of(const CommandLine& line, const PluginTable& plugins) {
  switch (line.command) {
    case Command::run:
      return "Usage: anyprobe run [options]\n\nEvery configured service in one process, in the "
             "foreground.\n";
    case Command::check:
      return "Usage: anyprobe check [options] [SERVICE...]\n"
             "       anyprobe check --type TYPE [options of the probe]\n\n"
             "One round of probes now; no address is touched. Exits 0 where all pass, 2 where\n"
             "one fails, 3 where it cannot be told.\n";
    case Command::status:
      return "Usage: anyprobe status [options] [SERVICE...]\n\n"
             "How the services are, of every daemon that has a socket in the run-dir, and\n"
             "whether the kernel has what they announce. Exits 0 where all could be told; with\n"
             "--nagios 0 where all is well, 1 for a warning, 2 where it is critical, 3 where\n"
             "it cannot be told.\n";
    case Command::drain:
      return "Usage: anyprobe drain [options] SERVICE...\n"
             "       anyprobe drain [options] --all\n\n"
             "Withdraws what services announce, whatever their health, until they are resumed:\n"
             "the advertisement first, and the host goes on answering for as long as linger\n"
             "says. A restart of the daemon does not resume them, a reboot does.\n";
    case Command::resume:
      return "Usage: anyprobe resume [options] SERVICE...\n"
             "       anyprobe resume [options] --all\n\n"
             "Lets services be announced again, which happens at once where they are up.\n";
    case Command::validate:
      return "Usage: anyprobe validate [options]\n\n"
             "Reads the configuration and tells every error with its path. Exits 78 if any.\n";
    case Command::withdraw:
      return "Usage: anyprobe withdraw --all [options]\n"
             "       anyprobe withdraw --name NAME [options]\n\n"
             "Removes every address and route with our mark, and sets down the links that a\n"
             "run left up, but for what a running instance holds, or one has just handed over\n"
             "to its next run. With --name only what that instance left.\n";
    case Command::reload:
      return "Usage: anyprobe reload [options]\n\n"
             "Has a running instance read its configuration again, as SIGHUP does, and waits\n"
             "until it is in force. Exits 78 where it was refused and the old one is kept.\n";
    case Command::doctor:
      return "Usage: anyprobe doctor [options]\n\n"
             "Looks at the configuration, this host and the running FRR, and tells what keeps\n"
             "anycast from working here: what is wrong, why that matters, and the command that\n"
             "mends it. Changes nothing. Exits 0 where nothing is found, or only remarks, 1 with\n"
             "warnings, 2 where something keeps a service from working.\n";
    case Command::probes:
      return "Usage: anyprobe probes [TYPE]\n\nThe probes there are, or the options of one.\n";
    case Command::init:
      return "Usage: anyprobe init [options]\n\n"
             "Looks which services listen here, which addresses FRR lets out and which are on\n"
             "lo, and prints a configuration with comments to start from. Changes nothing.\n";
    case Command::frr_config:
      return "Usage: anyprobe frr-config [options]\n\n"
             "Prints what a routing daemon needs to announce what is configured, and nothing\n"
             "else: prefix-lists, route-maps and redistribution, or filters.\n";
    case Command::schema:
      return "Usage: anyprobe schema [options]\n\n"
             "Prints the JSON Schema (draft 2020-12) of the configuration, for editors.\n";
    default:
      break;
  }
  return "Usage: " + line.program + " --address PREFIX [options]\n" +
         (line.takes_route() ? "       " + line.program + " [options] DEV ADDR PORT...\n\n" : "\n") +
         plugins.find(line.type)->summary +
         ".\nWhile the service passes, the addresses are on the interface; while it does not,\n"
         "they are not. Goes to the background once it is known to run.\n" +
         (line.takes_route() ? "With DEV ADDR PORT..., ADDR is asked, and the route to it is by DEV.\n" : "");
}

}  // namespace anyprobe
