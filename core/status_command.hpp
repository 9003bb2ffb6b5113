// `anyprobe status`.
#pragma once

#include <string>

#include "command_line.hpp"
#include "survey.hpp"

namespace anyprobe {

// Returns the exit code: kDone where all that was asked for could be told; with --nagios, a plugin's.
int run_status(const CommandLine& line);

// To standard error, a line each; the code of the first, or kDone.
int tell_complaints(const CommandLine& line, const Survey& told);
// For people: of those of whom something is known, which alone are left in it.
std::string table_of(Survey& told, bool colour);

}  // namespace anyprobe
