// What a failed system call says of the service that was asked. Pure.
#pragma once

#include <string>
#include <string_view>

#include "core/probe.hpp"

namespace anyprobe {

namespace failure_reason {
inline constexpr std::string_view kRefused = "refused";  // by the kernel
inline constexpr std::string_view kUnreachable = "unreachable";
inline constexpr std::string_view kReset = "reset";
inline constexpr std::string_view kClosed = "closed";
inline constexpr std::string_view kLocalError = "local_error";
inline constexpr std::string_view kUnresolved = "unresolved";  // a name whose address cannot be had
}  // namespace failure_reason

// A failure that others must bear out before it counts; `reason` lives as long as the program.
Result soft_failure(std::string_view reason, std::string detail);

// What kept an answer from coming: the call that failed and its errno; 0 says that the other side closed the
// connection. `local`: it failed on this host, before anything could have come back from elsewhere.
Result judge_failure(const char* call, int error, bool local);

}  // namespace anyprobe
