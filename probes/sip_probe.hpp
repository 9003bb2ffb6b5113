// The sip probe: a SIP server that answers OPTIONS.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kSipProbe;

}  // namespace anyprobe
