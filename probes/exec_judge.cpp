#include "probes/exec_judge.hpp"

#include <string>

#include "core/text.hpp"

namespace anyprobe {
namespace {

std::string said(const CommandResult& result) {
  const auto line = result.text.substr(0, result.text.find('\n'));
  return first_line(line.substr(0, line.find('|')));
}

// How it ended, and what it said before.
Result ended(Verdict verdict, std::string_view reason, const CommandResult& result) {
  const auto line = said(result);
  return {verdict, Evidence::soft, reason, result.to_string() + (line.empty() ? "" : ": " + line)};
}

Result by_code(Verdict verdict, std::string_view reason, const CommandResult& result) {
  auto line = said(result);
  return {verdict, Evidence::soft, reason, line.empty() ? "it says nothing" : std::move(line)};
}

}  // namespace

Result judge_command(const CommandResult& result, bool warning_passes) {
  switch (result.end) {
    case CommandResult::End::signalled:
      return ended(Verdict::fail, exec_reason::kSignal, result);
    case CommandResult::End::overdue:
      return ended(Verdict::fail, exec_reason::kTimeout, result);
    case CommandResult::End::not_started:
      return {Verdict::local_error, Evidence::soft, exec_reason::kNotStarted, result.text};
    case CommandResult::End::exited:
      break;
  }
  switch (result.number) {
    case 0:
      return by_code(Verdict::pass, exec_reason::kOk, result);
    case 1:
      return by_code(warning_passes ? Verdict::pass : Verdict::fail, exec_reason::kWarning, result);
    case 2:
      return by_code(Verdict::fail, exec_reason::kCritical, result);
    case 3:
      return by_code(Verdict::local_error, exec_reason::kUnknown, result);
    default:
      return ended(Verdict::fail, exec_reason::kExitCode, result);
  }
}

}  // namespace anyprobe
