// The radius probe: Status-Server (RFC 5997) to an authentication or accounting port.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kRadiusProbe;

}  // namespace anyprobe
