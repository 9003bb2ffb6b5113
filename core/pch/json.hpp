// Standard, and what the configuration is read by. Precompiled where b_pch is on.
#pragma once

#include <nlohmann/json.hpp>

#include "standard.hpp"
