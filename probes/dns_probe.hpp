// The dns probe: asks name servers a question and judges the answers.
#pragma once

#include "core/probe.hpp"

namespace anyprobe {

extern const ProbePlugin kDnsProbe;

}  // namespace anyprobe
