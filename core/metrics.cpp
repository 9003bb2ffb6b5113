#include "metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

namespace anyprobe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::vector<ClientMetric::Label>;

MetricFamily gauge(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Gauge, {}};
}

void add(MetricFamily& to, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  to.metric.push_back(std::move(metric));
}

// "instance" is what Prometheus calls the host that it asks.
class Metrics {
 public:
  explicit Metrics(const Survey& told) {
    for (const auto& instance : told.instances) {
      const bool answers = knows(instance);
      add(daemon_, {{"daemon", instance.name}}, answers ? 1 : 0);
      if (!answers) continue;
      add(problems_, {{"daemon", instance.name}}, static_cast<double>(instance.problems.size()));
      for (const auto& service : instance.services) take(instance.name, service);
    }
  }

  [[nodiscard]] std::string text() const {
    std::vector<MetricFamily> all;
    for (const auto* family :
         {&daemon_, &problems_, &up_, &drained_, &announced_, &confirmed_, &others_, &last_}) {
      if (!family->metric.empty()) all.push_back(*family);
    }
    return prometheus::TextSerializer().Serialize(all);
  }

 private:
  void take(const std::string& daemon, const ServiceStatus& service) {
    const Labels labels{{"daemon", daemon}, {"service", service.name}};
    add(up_, labels, service.health == HealthState::up ? 1 : 0);
    add(drained_, labels, service.admin == AdminState::active ? 0 : 1);
    for (const auto& each : service.advertise) {
      auto own = labels;
      own.push_back({"advertisement", each.what});
      add(announced_, own, each.state == AdvertisementState::announced ? 1 : 0);
      add(last_, own, each.last_instance ? 1 : 0);
      // What cannot be told is left out: no number says that.
      if (each.routing.confirmed) add(confirmed_, own, *each.routing.confirmed ? 1 : 0);
      if (each.routing.others) add(others_, own, *each.routing.others);
    }
  }

  MetricFamily daemon_ = gauge("anyprobe_daemon_up", "Whether the daemon tells how it is.");
  MetricFamily problems_ = gauge("anyprobe_daemon_problems", "How much is wrong with it and lasts.");
  MetricFamily up_ = gauge("anyprobe_service_up", "Whether the service is up.");
  MetricFamily drained_ = gauge("anyprobe_service_drained", "Whether it is withdrawn by hand.");
  MetricFamily announced_ = gauge("anyprobe_advertisement_announced", "Whether the kernel has it.");
  MetricFamily confirmed_ =
      gauge("anyprobe_advertisement_confirmed", "Whether the routing daemon has it as it is to be.");
  MetricFamily others_ =
      gauge("anyprobe_advertisement_others", "How many other routers announce it, at least.");
  MetricFamily last_ =
      gauge("anyprobe_advertisement_last_instance",
            "Whether it stays announced although its service is down, since too few others announce it.");
};

}  // namespace

Outcome<std::string> metrics_text(const Survey& told) {
  return Metrics(told).text();
}

}  // namespace anyprobe
