// What status says, as metrics for Prometheus: the text format, version 0.0.4. Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "outcome.hpp"
#include "survey.hpp"

namespace anyprobe {

bool can_make_metrics();

// Made little by little, since thousands of services take long.
class MetricsText {
 public:
  // What is told of the daemon, once for each; its services are no part of it.
  void begin(const InstanceStatus& daemon);
  // Of those that it begun with.
  void add(const std::string& daemon, std::span<const ServiceStatus> services);
  [[nodiscard]] std::string text() const;

 private:
  std::vector<std::string> families_;  // in order; empty: without a sample
};

// An error where the program was built without prometheus-cpp.
Outcome<std::string> metrics_text(const Survey& told);

}  // namespace anyprobe
