// Status for a monitoring system, as a plugin of Nagios tells it (Nagios Plugin Development Guidelines: exit
// codes, performance data). Pure.
#pragma once

#include <string>

#include "survey.hpp"

namespace anyprobe {

struct NagiosReport {
  int code = kUnknown;  // kDone, kWarning, kCritical or kUnknown
  std::string line;  // printable ASCII, below 1,024 octets, which is what NRPE of old passes on; no newline
};

// The worst comes first: a last instance that is kept, what is down, what could not be asked, all else. Where
// something is critical it decides, then what could not be asked. A problem of a daemon counts for whichever
// of its services are there.
NagiosReport nagios_report(const Survey& told);

}  // namespace anyprobe
