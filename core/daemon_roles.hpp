// What the processes of a daemon share: how they know their roles, and where they say what is wrong.
#pragma once

#include <memory>
#include <string>

#include "command_line.hpp"
#include "prober.hpp"

namespace anyprobe {

// How a process knows its role. A prober's variable has a letter for its part and its user's name in it.
inline constexpr const char* kProberVariable = "ANYPROBE_PROBER";
inline constexpr char kBuiltInLetter = 'b';
inline constexpr char kModulesLetter = 'm';
inline constexpr const char* kRunnerVariable = "ANYPROBE_RUNNER";
// After the instance's name: the modules' prober where it is asked for its status.
inline constexpr const char* kModulesEnding = "-modules";

bool in_foreground(const CommandLine& line);
void open_the_log(const CommandLine& line);
// The prober is told of sockets of this host that close and of interfaces that go down, for as long as what
// is returned lives; it goes before loop and prober.
std::shared_ptr<void> hear_of_host(EventLoop& loop, Prober& prober);
// On standard error, until a daemon is in the background.
void complain(const CommandLine& line, const std::string& what);

}  // namespace anyprobe
