// Options as a probe declares them, and their values as it reads them. The declaration is the one source for
// parsing,
// --help, the manual page and the command-line flags.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "address.hpp"
#include "host.hpp"

namespace anyprobe {

enum class OptionKind : std::uint8_t {
  text,
  integer,
  boolean,
  duration,  // "250ms", "1s", "2m", "1h"
  address,   // an IP address
  server,    // an IP address, or one with a port
  host,      // a server, or the name of one
  prefix,
  choice,   // one of OptionSpec::choices
  secret,   // a text, or {"file": path}; never shown to anybody
  command,  // a program and its arguments (a list); only of probes that are built in
};

struct OptionSpec {
  const char* name;  // as in the configuration: lower case, underscores
  OptionKind kind = OptionKind::text;
  bool list = false;                    // one value or an array of them; a flag may be repeated
  const char* default_value = nullptr;  // as text, for reading and for the manual; null: none
  const char* placeholder = nullptr;    // what the manual calls the value ("NAME"); null: by the kind
  const char* help = "";                // one line, no full stop
  std::int64_t minimum = 0;             // of an integer, or of a duration in milliseconds
  std::int64_t maximum = std::numeric_limits<std::int64_t>::max();
  std::span<const char* const> choices{};  // of a choice
  bool required = false;
};

class ProbeCommand;
class CommandRunner;
class ConfigReader;

// The values of one object of the configuration, checked against the declaration of its options.
// A name that was not declared is a programming error and throws std::logic_error.
class Options {
 public:
  // Reads `object`; every fault becomes an error with its path. Unknown keys are errors, except those in
  // `others`.
  Options(const ConfigReader& object, std::span<const OptionSpec> specs,
          std::span<const std::string_view> others = {});
  ~Options();
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // Whether the user gave it, rather than the default; false where what was given is no valid value.
  [[nodiscard]] bool given(std::string_view name) const;
  // Whether there is a value, given or by default.
  [[nodiscard]] bool has(std::string_view name) const;

  // Without a value: empty, 0, false. A list read as one value: its first. text() of a secret is the secret
  // itself, read from its file without the line end.
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] std::vector<std::int64_t> integers(std::string_view name) const;
  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] std::chrono::milliseconds duration(std::string_view name) const;
  [[nodiscard]] std::vector<IpAddress> addresses(std::string_view name) const;
  [[nodiscard]] std::vector<Prefix> prefixes(std::string_view name) const;
  [[nodiscard]] std::vector<SocketAddress> servers(std::string_view name, std::uint16_t default_port) const;
  [[nodiscard]] std::vector<Host> hosts(std::string_view name, std::uint16_t default_port) const;

  // One command, to be started while the probe lives.
  [[nodiscard]] ProbeCommand command(std::string_view name) const;

  // Who runs the commands in here, those of `service` at `place` ("probe"); before the first command().
  void run_commands_by(CommandRunner* runner, std::string service, std::string place);

  // What is wrong with the value, as one line: `"AX" is no record type (try A)`. The path is put before it.
  void error(std::string_view name, const std::string& what);
  void error(std::string_view name, std::size_t index, const std::string& what);  // of one item of a list
  // Whether any error was found in this object so far.
  [[nodiscard]] bool failed() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Whether it may be the program of a command: an absolute path, or a name without a slash.
bool is_program_name(std::string_view word);

}  // namespace anyprobe
