// Status for people: plain text of at most 80 columns, whatever a daemon said. Pure.
#pragma once

#include <span>
#include <string>

#include "status.hpp"

namespace anyprobe {

// A line an instance and a line a problem of it; then a line a service, and below it one for each
// advertisement that is not as the service's health wants it.
// `colour`: the health of each has one.
std::string status_table(std::span<const InstanceStatus> instances, WallTime now, bool colour = false);

// Two units at most: "12s", "5m 3s", "3h 2m", "4d 7h". What is negative is 0s.
std::string rough(std::chrono::milliseconds duration);

}  // namespace anyprobe
