// What status says, as metrics for Prometheus: the text format, version 0.0.4. Pure.
#pragma once

#include <string>

#include "outcome.hpp"
#include "survey.hpp"

namespace anyprobe {

bool can_make_metrics();
// An error where the program was built without prometheus-cpp.
Outcome<std::string> metrics_text(const Survey& told);

}  // namespace anyprobe
