// sysexits(3), and the contract of Nagios plugins for `check` and `status --nagios`.
#pragma once

#include <sysexits.h>

namespace anyprobe {

inline constexpr int kDone = EX_OK;
inline constexpr int kUsage = EX_USAGE;                 // 64
inline constexpr int kAlreadyRunning = EX_UNAVAILABLE;  // 69
inline constexpr int kInternal = EX_SOFTWARE;           // 70
inline constexpr int kSystem = EX_OSERR;                // 71
inline constexpr int kNoPermission = EX_NOPERM;         // 77
inline constexpr int kConfiguration = EX_CONFIG;        // 78

// Of those that ask a daemon.
inline constexpr int kNoSuchService = EX_DATAERR;   // 65
inline constexpr int kNotRunning = EX_UNAVAILABLE;  // 69
inline constexpr int kHangs = EX_IOERR;             // 74
inline constexpr int kNotNow = EX_TEMPFAIL;         // 75
inline constexpr int kNonsense = EX_PROTOCOL;       // 76

inline constexpr int kWarning = 1;
inline constexpr int kCritical = 2;
inline constexpr int kUnknown = 3;

}  // namespace anyprobe
