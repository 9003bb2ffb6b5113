// What the prober asks of whoever holds the addresses.
#pragma once

#include <vector>

#include "event_loop.hpp"

namespace anyprobe {

class KeeperLink {
 public:
  virtual ~KeeperLink() = default;

  // Which advertisements are to be announced: one flag each, in the order of the configuration (services in
  // order, and theirs in order). Returns at once.
  virtual void want(const std::vector<bool>& wanted) = 0;
  // Waits until the kernel has what was last wanted; false if that takes longer than `patience`.
  virtual bool settle(Duration patience) = 0;
  // The configuration is to be read again.
  virtual void request_reload() = 0;
};

}  // namespace anyprobe
