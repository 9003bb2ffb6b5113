// What the log says of a service.
#pragma once

#include "service.hpp"

namespace anyprobe {

void log_event(const Service& service, const HealthEvent& event);
void log_check(const Service& service, const Service::Check& check);
// A route may be asked for by the address it leads to, unlike an address of this host, but not without risk.
void warn_of_detours(const Service& service);

}  // namespace anyprobe
