// The `socks` probe: asks a SOCKS proxy to negotiate, to connect and to relay UDP.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kSocksProbe;

}  // namespace anyprobe
