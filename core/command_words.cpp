#include "command_words.hpp"

#include <algorithm>

namespace anyprobe {
namespace {

constexpr CommandWords kCommands[] = {
    {"run", Command::run, "", "every configured service in one process", ""},
    {"check", Command::check, " [SERVICE...]", "one round of probes now, no address touched", "services"},
    {"status", Command::status, " [SERVICE...]", "how the services of running daemons are", "services"},
    {"drain", Command::drain, " SERVICE|--all", "withdraw services as planned, whatever their health",
     "services"},
    {"resume", Command::resume, " SERVICE|--all", "let them be announced again", "services"},
    {"validate", Command::validate, "", "the configuration only, every error with its path", ""},
    {"reload", Command::reload, "", "read the configuration again, and tell whether it was taken", ""},
    {"withdraw", Command::withdraw, " --all", "clear what any run left in the kernel", ""},
    {"doctor", Command::doctor, "", "what on this host keeps it from working, and what mends it", ""},
    {"probes", Command::probes, " [TYPE]", "the probes there are, or the options of one", "types"},
    {"init", Command::init, "", "a configuration to start from, by what is found here", ""},
    {"frr-config", Command::frr_config, "", "what FRR, Quagga or BIRD needs for what is configured", ""},
    {"schema", Command::schema, "", "the JSON Schema of the configuration, for editors", ""},
};

}  // namespace

std::span<const CommandWords> command_words() {
  return kCommands;
}

const CommandWords* find_command(std::string_view name) {
  const auto* found = std::find_if(std::begin(kCommands), std::end(kCommands),
                                   [&](const CommandWords& words) { return words.name == name; });
  return found == std::end(kCommands) ? nullptr : found;
}

}  // namespace anyprobe
