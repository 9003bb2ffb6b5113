// The syslog probe: a line sent to a relay must come back out of it.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kSyslogProbe;

}  // namespace anyprobe
