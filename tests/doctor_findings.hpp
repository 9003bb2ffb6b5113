// What the doctor's tests have in common.
#pragma once

#include <string>
#include <vector>

#include "core/doctor.hpp"

namespace anyprobe {

// The ids of what is found, in the order of the checks.
template <typename Facts>
std::vector<std::string> ids_of(std::span<const Check<Facts>> checks, const Facts& facts) {
  Report report;
  examine(checks, facts, report);
  std::vector<std::string> out;
  for (const auto& one : report.found) out.emplace_back(one.check.id);
  return out;
}

template <typename Facts>
Diagnosis first_of(std::span<const Check<Facts>> checks, const Facts& facts) {
  Report report;
  examine(checks, facts, report);
  return report.found.at(0);
}

inline Patient patient(const char* prefix = "192.0.2.1/32") {
  return {"dns", {{Prefix::parse(prefix).value()}}, {}};
}

}  // namespace anyprobe
