// Whether an address is one of this host.
#pragma once

#include "core/address.hpp"

namespace anyprobe {

// As the kernel routes it now (RTN_LOCAL). Needs no privilege; false where it cannot be told.
[[nodiscard]] bool is_local_address(const IpAddress& address);

}  // namespace anyprobe
