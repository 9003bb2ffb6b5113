// The commands that a configuration names, as plain values: the one list that keeper, prober and runner have
// in common. Nothing is run that is not in it.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "log.hpp"

namespace anyprobe {

// What a command is for: the service and the key that has it, "probe.command", "probes[1].command", "on_up".
// It stays the same through a reload that does not change the service's probes.
struct CommandName {
  std::string service;
  std::string place;

  friend auto operator<=>(const CommandName&, const CommandName&) = default;
  [[nodiscard]] std::string to_string() const { return service + ": " + place; }
};

struct CommandSpec {
  CommandName name;
  std::vector<std::string> words;        // the program and its arguments
  std::string user;                      // whom it runs as; empty: anyprobe, else nobody
  std::chrono::milliseconds deadline{};  // it is killed after that, at the latest
  bool hook = false;                     // run at a change of state, rather than to ask
};

struct CommandTable {
  std::vector<CommandSpec> commands;
  std::uint32_t max_running = 16;  // probes' commands at once, and as many hooks
  LogSettings log;
};

inline constexpr std::size_t kLargestOutput = 4096;

// How a command ended.
struct CommandResult {
  enum class End : std::uint8_t {
    exited,       // with the code `number`
    signalled,    // by the signal `number`
    overdue,      // killed at its deadline
    not_started,  // `text` says why
  };
  End end = End::not_started;
  int number = 0;
  std::string text;  // what it said on standard output and error, the first kLargestOutput octets

  // "exit code 2", "killed by SIGSEGV", "killed at its deadline", "not started: Permission denied".
  [[nodiscard]] std::string to_string() const;
};

std::string signal_name(int number);  // "SIGKILL"

// Where a program without a slash in its name is looked for, and PATH of every command.
inline constexpr std::string_view kCommandPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// A word with letters, digits, dash and underscore alone, at most 64: what may stand in ANYPROBE_REASON.
bool is_slug(std::string_view text);
std::string as_slug(std::string_view text);

}  // namespace anyprobe
