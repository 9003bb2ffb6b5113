// What status says, as plain values; to JSON and back. Pure.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "advertisement.hpp"
#include "confirmation.hpp"
#include "drain_queue.hpp"
#include "health.hpp"
#include "outcome.hpp"
#include "probe.hpp"
#include "wall_clock.hpp"

namespace anyprobe {

enum class AdminState : std::uint8_t { active, draining, drained };

// What is told to those alone who ask for it.
struct AdvertisementDetail {
  std::optional<WallTime> since;  // it is in that state; none: it was before anybody looked
  std::optional<Announcers> announcers;

  friend bool operator==(const AdvertisementDetail&, const AdvertisementDetail&) = default;
};

struct AdvertisementStatus {
  std::string what;  // Advertisement::to_string()
  AdvertisementState state = AdvertisementState::withdrawn;
  Confirmation routing = {};
  // Its next change waits until then, so that no router drops it (lsa_spacing): what is announced waits to be
  // withdrawn, all else to be announced.
  std::optional<WallTime> waits_until = {};
  bool last_instance =
      false;  // it stands although its service is down: too few others announce it (min_peers)
  std::optional<AdvertisementDetail> detail = {};

  friend bool operator==(const AdvertisementStatus&, const AdvertisementStatus&) = default;
};

struct TokenStatus {
  AdvertisementStatus advertisement;
  DrainQueue::State queue = DrainQueue::State::out;

  friend bool operator==(const TokenStatus&, const TokenStatus&) = default;
};

struct CheckStatus {
  WallTime at;  // when it was over
  Verdict verdict = Verdict::fail;
  std::string reason;
  std::chrono::microseconds duration{};

  friend bool operator==(const CheckStatus&, const CheckStatus&) = default;
};

struct TransitionStatus {
  WallTime at;
  HealthState to = HealthState::unknown;
  std::string reason;
  std::string detail;

  friend bool operator==(const TransitionStatus&, const TransitionStatus&) = default;
};

// The oldest first.
struct ServiceHistory {
  std::vector<CheckStatus> recent;
  std::vector<TransitionStatus> transitions;

  friend bool operator==(const ServiceHistory&, const ServiceHistory&) = default;
};

// What is counted since the start, for metrics.
struct ServiceCounts {
  struct Check {
    Verdict verdict = Verdict::fail;
    std::string reason;
    std::uint64_t times = 0;

    friend bool operator==(const Check&, const Check&) = default;
  };
  std::string types;  // of its probes, "dns+tcp"
  std::vector<Check> checks;
  std::vector<std::chrono::microseconds> bounds;  // of the buckets, rising
  std::vector<std::uint64_t> buckets;             // how many checks took so long; one more than bounds
  std::chrono::microseconds total{};              // of all of them
  std::uint64_t became_unknown = 0;
  std::uint64_t became_up = 0;
  std::uint64_t became_down = 0;

  friend bool operator==(const ServiceCounts&, const ServiceCounts&) = default;
};

struct InstanceCounts {
  std::uint64_t netlink_errors = 0;
  std::uint64_t lease_renewals = 0;

  friend bool operator==(const InstanceCounts&, const InstanceCounts&) = default;
};

struct ServiceStatus {
  std::string name;
  HealthState health = HealthState::unknown;
  AdminState admin = AdminState::active;
  std::string reason;  // of the change to this health, a slug; empty: there was none yet
  std::string detail;  // and more of it, for people
  WallTime since;
  std::optional<CheckStatus> last_check;
  std::vector<AdvertisementStatus> advertise;
  std::optional<TokenStatus> token = {};  // of its drains, if it has one
  std::optional<ServiceHistory> history = {};
  std::optional<ServiceCounts> counts = {};  // where they are asked for, and kept

  friend bool operator==(const ServiceStatus&, const ServiceStatus&) = default;
};

struct InstanceStatus {
  std::string name;
  std::string state = "running";  // or, in a word, why nothing is known of its services
  std::optional<int> pid;         // the prober's, as have the next two
  std::string version;
  std::chrono::seconds uptime{};
  std::vector<std::string> problems;  // what lasts and is wrong now, one line each
  std::vector<ServiceStatus> services;
  std::optional<InstanceCounts> counts = {};  // where they are asked for
  std::uint32_t reloads_asked = 0;            // as in KernelView
  std::uint32_t reloads_done = 0;

  friend bool operator==(const InstanceStatus&, const InstanceStatus&) = default;
};

// {"services": [...], "instances": [...]}; each service names its instance.
// What is counted: of ServiceStatus and InstanceStatus as members "counts" (status_counts.cpp).
nlohmann::ordered_json as_json(const ServiceCounts& counts);
nlohmann::ordered_json as_json(const InstanceCounts& counts);
// Nothing where it is not as it should be.
std::optional<ServiceCounts> read_service_counts(const nlohmann::json& from);
std::optional<InstanceCounts> read_instance_counts(const nlohmann::json& from);

std::string status_json(std::span<const InstanceStatus> instances, bool pretty);
// What a daemon says of itself: the same, of one instance that is running. The error tells what is no such
// thing.
Outcome<InstanceStatus> read_status(std::string_view json);

// RFC 3339, in UTC: "2026-11-25T12:02:07.123Z".
std::string to_text(WallTime time);
std::optional<WallTime> parse_time(std::string_view text);

const char* to_string(AdvertisementState state);
const char* to_string(AdminState state);
const char* to_string(DrainQueue::State state);
const char* to_string(Verdict verdict);

}  // namespace anyprobe
