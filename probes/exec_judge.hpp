// What the end of a command says of the service, by the plugin contract of Nagios. Pure.
#pragma once

#include <string_view>

#include "core/command_table.hpp"
#include "core/probe.hpp"

namespace anyprobe {

namespace exec_reason {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kWarning = "warning";
inline constexpr std::string_view kCritical = "critical";
inline constexpr std::string_view kUnknown = "unknown";
inline constexpr std::string_view kExitCode = "exit_code";  // one that the contract does not know
inline constexpr std::string_view kSignal = "signal";
inline constexpr std::string_view kNotStarted = "not_started";
inline constexpr std::string_view kTimeout = "timeout";
}  // namespace exec_reason

// 0 passes, 1 passes or not as `warning_passes` says, 2 fails, 3 is a local error. Every other code fails: as
// in Nagios Core, which takes a code out of bounds for critical. The detail is the first line of what the
// command said, up to the bar behind which a plugin puts its performance data.
Result judge_command(const CommandResult& result, bool warning_passes);

}  // namespace anyprobe
