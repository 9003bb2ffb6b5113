// Asks a web server for URLs and judges what comes back.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kHttpProbe;

}  // namespace anyprobe
