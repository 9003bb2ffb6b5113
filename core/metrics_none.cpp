#include "metrics.hpp"

namespace anyprobe {

bool can_make_metrics() {
  return false;
}

void MetricsText::begin(const InstanceStatus& /*daemon*/) {
  families_.clear();
}

void MetricsText::add(const std::string& /*daemon*/, std::span<const ServiceStatus> /*services*/) {
  families_.clear();
}

std::string MetricsText::text() const {
  return families_.empty() ? std::string() : families_.front();
}

Outcome<std::string> metrics_text(const Survey& told) {
  static_cast<void>(told);
  return Error{"built without prometheus-cpp"};
}

}  // namespace anyprobe
