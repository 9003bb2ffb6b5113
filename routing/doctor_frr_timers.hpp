// What the doctor thinks of OSPF's timers and of graceful restarts. Pure.
#pragma once

#include <vector>

#include "doctor_frr.hpp"

namespace anyprobe {

[[nodiscard]] std::vector<Ailment> judge_retransmit(const FrrFacts& facts);
[[nodiscard]] std::vector<Ailment> judge_min_arrival(const FrrFacts& facts);
[[nodiscard]] std::vector<Ailment> judge_graceful(const FrrFacts& facts);
[[nodiscard]] std::vector<Ailment> judge_helper(const FrrFacts& facts);

}  // namespace anyprobe
