// How the services of modules are, as the prober of our own probes tells it. Pure.
//
// Their prober runs code of others and is believed as little as a network: it says things of its own services
// alone, which the configuration names, and what is in the kernel the keeper says. Where it does not answer,
// they are as it said last, but nobody knows their health.
#pragma once

#include <string>
#include <vector>

#include "keeper_link.hpp"
#include "service_elsewhere.hpp"
#include "status.hpp"

namespace anyprobe {

// It is asked by parts, so that none takes long to read: for so many services, from the one whose number
// among its own is the first argument. The second is how many octets the answer may have at most.
inline constexpr const char* kPartVerb = "status-part";
inline constexpr std::size_t kServicesOfPart = 4;

// Cuts what is told to what fits into a part, and to what can be shown: its numbers stay as they are.
void tidy(InstanceStatus& status);

class ModulesStatus {
 public:
  explicit ModulesStatus(std::string instance) : instance_(std::move(instance)) {}

  // The services of the configuration that is in force now, in its order.
  void expect(std::vector<ServiceElsewhere> services, WallTime now);
  // `states`: of all advertisements of that configuration.
  void see(const std::vector<AdvertisementState>& states);

  // How long the part that begins with that service may be, in octets.
  [[nodiscard]] std::size_t largest_part(std::size_t first) const;
  [[nodiscard]] bool is_last_part(std::size_t first) const {
    return first + kServicesOfPart >= services_.size();
  }
  void take(std::size_t first, InstanceStatus part);

  // It does not answer: `state` as an instance has it, `problem` in one line; it is so until well().
  void trouble(std::string state, std::string problem, WallTime since);
  void well() { state_.clear(); }

  [[nodiscard]] const std::string& instance() const { return instance_; }
  [[nodiscard]] bool any() const { return !services_.empty(); }
  [[nodiscard]] InstanceStatus now() const;

 private:
  struct Known {
    ServiceElsewhere is;
    std::vector<AdvertisementState> states;  // empty: not told yet
    std::optional<ServiceStatus> told;
    WallTime expected{};
  };
  [[nodiscard]] ServiceStatus of(const Known& known) const;
  [[nodiscard]] AdvertisementStatus of(const Known& known, std::size_t index) const;

  const std::string instance_;
  std::vector<Known> services_;
  InstanceStatus head_;  // without services
  std::string state_ = "starting";
  std::string problem_;
  WallTime since_{};
};

}  // namespace anyprobe
