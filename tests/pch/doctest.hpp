// Standard, and what every test includes. Precompiled where b_pch is on.
#pragma once

#include <doctest/doctest.h>

#include "../../core/pch/standard.hpp"
