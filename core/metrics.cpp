#include "metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

namespace anyprobe {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::vector<ClientMetric::Label>;

constexpr std::size_t kFamilies = 15;

MetricFamily gauge(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Gauge, {}};
}

MetricFamily of_type(prometheus::MetricType type, const char* name, const char* help) {
  return {name, help, type, {}};
}

MetricFamily counter(const char* name, const char* help) {
  return of_type(prometheus::MetricType::Counter, name, help);
}

void count(MetricFamily& to, Labels labels, std::uint64_t value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = static_cast<double>(value);
  to.metric.push_back(std::move(metric));
}

double in_seconds(std::chrono::microseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

Labels with(Labels labels, const char* name, std::string value) {
  labels.push_back({name, std::move(value)});
  return labels;
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
  void begin(const InstanceStatus& instance) {
    const bool answers = knows(instance);
    add(daemon_, {{"daemon", instance.name}}, answers ? 1 : 0);
    if (!answers) return;
    add(build_, {{"daemon", instance.name}, {"version", instance.version}}, 1);
    if (instance.counts) {
      count(netlink_errors_, {{"daemon", instance.name}}, instance.counts->netlink_errors);
      count(lease_renewals_, {{"daemon", instance.name}}, instance.counts->lease_renewals);
    }
    add(problems_, {{"daemon", instance.name}}, static_cast<double>(instance.problems.size()));
  }

  void take(const std::string& daemon, std::span<const ServiceStatus> services) {
    for (const auto& service : services) take(daemon, service);
  }

  [[nodiscard]] std::array<const MetricFamily*, kFamilies> all() const {
    return {&daemon_,      &build_,     &problems_,      &netlink_errors_, &lease_renewals_,
            &up_,          &drained_,   &all_announced_, &checks_,         &durations_,
            &transitions_, &announced_, &confirmed_,     &others_,         &last_};
  }

 private:
  void take(const std::string& daemon, const ServiceStatus& service) {
    const Labels labels{{"daemon", daemon}, {"service", service.name}};
    add(up_, labels, service.health == HealthState::up ? 1 : 0);
    add(drained_, labels, service.admin == AdminState::active ? 0 : 1);
    const bool all = std::all_of(service.advertise.begin(), service.advertise.end(), [](const auto& each) {
      return each.state == AdvertisementState::announced;
    });
    add(all_announced_, labels, all && !service.advertise.empty() ? 1 : 0);
    if (service.counts) take(labels, *service.counts);
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

  void take(const Labels& labels, const ServiceCounts& counts) {
    for (const auto& check : counts.checks)
      count(checks_, with(with(labels, "verdict", to_string(check.verdict)), "reason", check.reason),
            check.times);
    ClientMetric durations;
    durations.label = with(labels, "type", counts.types);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < counts.buckets.size(); ++i) {
      sum += counts.buckets[i];
      const double bound = i < counts.bounds.size() ? in_seconds(counts.bounds[i]) : HUGE_VAL;
      durations.histogram.bucket.push_back({sum, bound});
    }
    durations.histogram.sample_count = sum;
    durations.histogram.sample_sum = in_seconds(counts.total);
    durations_.metric.push_back(std::move(durations));
    count(transitions_, with(labels, "to", "unknown"), counts.became_unknown);
    count(transitions_, with(labels, "to", "up"), counts.became_up);
    count(transitions_, with(labels, "to", "down"), counts.became_down);
  }

  MetricFamily build_ = gauge("anyprobe_build_info", "The version of the daemon; always 1.");
  MetricFamily netlink_errors_ =
      counter("anyprobe_netlink_errors_total", "What the kernel refused to do, since the start.");
  MetricFamily lease_renewals_ =
      counter("anyprobe_lease_renewals_total",
              "Lifetimes in the kernel of what is announced that were begun again, since the start.");
  MetricFamily all_announced_ =
      gauge("anyprobe_service_announced", "Whether the kernel has all of its advertisements.");
  MetricFamily checks_ = counter("anyprobe_checks_total", "Checks by what came of them, since the start.");
  MetricFamily durations_ = of_type(prometheus::MetricType::Histogram, "anyprobe_check_duration_seconds",
                                    "How long those checks took that could be made.");
  MetricFamily transitions_ =
      counter("anyprobe_transitions_total", "Changes to another health, since the start.");
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

bool can_make_metrics() {
  return true;
}

namespace {

// A family has its two lines of heading once, and all of its samples behind them.
void append(std::vector<std::string>& families, const Metrics& more) {
  families.resize(kFamilies);
  for (std::size_t i = 0; i < kFamilies; ++i) {
    const auto* family = more.all()[i];
    if (family->metric.empty()) continue;
    const auto text = prometheus::TextSerializer().Serialize({*family});
    auto& whole = families[i];
    whole.append(text, whole.empty() ? 0 : text.find('\n', text.find('\n') + 1) + 1);
  }
}

}  // namespace

void MetricsText::begin(const InstanceStatus& daemon) {
  Metrics head;
  head.begin(daemon);
  append(families_, head);
}

void MetricsText::add(const std::string& daemon, std::span<const ServiceStatus> services) {
  Metrics part;
  part.take(daemon, services);
  append(families_, part);
}

std::string MetricsText::text() const {
  std::string out;
  for (const auto& family : families_) out += family;
  return out;
}

Outcome<std::string> metrics_text(const Survey& told) {
  MetricsText out;
  for (const auto& instance : told.instances) {
    out.begin(instance);
    if (knows(instance)) out.add(instance.name, instance.services);
  }
  return out.text();
}

}  // namespace anyprobe
