// The exec probe: a command of the user's own, whose exit code is the answer.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kExecProbe;

}  // namespace anyprobe
