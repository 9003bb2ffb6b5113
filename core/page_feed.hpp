// What is told to those who follow the services on the page: all of it at first, then what has changed. Of
// thousands of services it takes several pieces. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "status.hpp"

namespace anyprobe {

// In octets, about; at least one service is told in each. A piece is well below what a stream may be behind.
struct PageFeedLimits {
  std::size_t first = std::size_t{128} * 1024;
  std::size_t piece = std::size_t{48} * 1024;
};

class PageFeed {
 public:
  explicit PageFeed(std::string host, PageFeedLimits limits = {}) : host_(std::move(host)), limits_(limits) {}

  // JSON of the status, with `host`, `now` and the `names` of all services, for one who begins to follow.
  // Those that are not well come first; what it has no room for, all are told by next() after the next
  // look().
  // No two services are called alike.
  std::string begin(std::vector<InstanceStatus> all, WallTime now);
  // How it is now: what is not told yet of an earlier look is told of this one. Of what was told before,
  // only what changed, and what is new of the history.
  void look(std::vector<InstanceStatus> all, WallTime now);
  // JSON of the status, of some services, with `gone`: the names of those that are no more. Empty: all is
  // told.
  std::string next();
  // Nobody follows any more.
  void forget();

 private:
  struct Of {
    std::size_t instance;  // its place among all
    ServiceStatus is;
  };
  struct Told {
    ServiceStatus status;  // without its history
    std::optional<WallTime> answer;
    std::optional<WallTime> transition;
    std::uint64_t turn = 0;  // the higher, the later it was told
  };
  [[nodiscard]] bool is_told(ServiceStatus& service) const;
  [[nodiscard]] bool is_urgent(const ServiceStatus& service) const;
  void remember(const ServiceStatus& service);
  static std::vector<Of> take_services(std::vector<InstanceStatus>& from);

  const std::string host_;
  const PageFeedLimits limits_;
  std::map<std::string, Told> told_;
  std::uint64_t turns_ = 0;
  std::vector<InstanceStatus> heads_;  // without services
  std::vector<InstanceStatus> told_heads_;
  WallTime now_{};
  std::vector<Of> waiting_;  // the first to be told last
  std::vector<std::string> gone_;
};

}  // namespace anyprobe
