// The tcp probe: ports that must all accept a connection and, if wanted, say what is expected.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kTcpProbe;

}  // namespace anyprobe
