// Asks an HTTP proxy to fetch a URL, or to open a tunnel.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kHttpProxyProbe;

}  // namespace anyprobe
