// Flags as a table: parsed by getopt_long, printed as help.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "options.hpp"
#include "outcome.hpp"

namespace anyprobe {

struct Flag {
  enum class Argument : std::uint8_t { none, required, optional };
  std::string name;  // without the dashes
  Argument argument = Argument::none;
  std::string placeholder;
  std::string help;
  // Takes the argument (empty where there is none); what it returns is what is wrong, or empty.
  std::function<std::string(const std::string& value)> take;
};

struct FlagGroup {
  std::string title;
  std::vector<Flag> flags;
};

// Returns what is left: the positional arguments, the first of which ends the options if `options_first`.
// The first argument is the program and is skipped.
Outcome<std::vector<std::string>> parse_flags(const std::vector<std::string>& arguments,
                                              const std::vector<FlagGroup>& groups, bool options_first);

std::string format_flags(const std::vector<FlagGroup>& groups);

bool is_utf8(const std::string& text);
// The argument of a flag as JSON of the kind that the option wants; what does not fit is left as text, to be
// refused by its path.
nlohmann::ordered_json flag_value(const OptionSpec& spec, const std::string& text);

// "min_answers" is --min-answers.
std::string flag_name(std::string_view option);
std::string placeholder_of(const OptionSpec& spec);
// The help of an option with what holds for every option: default, range, repetition.
std::string full_help(const OptionSpec& spec);

}  // namespace anyprobe
