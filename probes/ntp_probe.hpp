// The ntp probe: a time server that is synchronised, and whose clock agrees with ours.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kNtpProbe;

}  // namespace anyprobe
