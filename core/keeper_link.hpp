// What the prober asks of whoever holds the addresses, and what it is told by him.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "advertisement.hpp"
#include "event_loop.hpp"

namespace anyprobe {

// What comes with a configuration from whoever holds the addresses.
struct Circumstances {
  bool suspended = false;     // whoever was there before was: nothing is asked until SIGCONT
  std::vector<bool> found;    // which advertisements are in the kernel already, and held until more is known
  std::vector<bool> drained;  // which services are withdrawn by hand, in the order of the configuration
};

// How the kernel has it.
struct KernelView {
  std::vector<AdvertisementState> states;  // in the order of the configuration
  std::vector<std::string> problems;       // what lasts and is wrong, each in one line
  // Of each, until when its next change waits (lsa_spacing), TimePoint() where none does: what is announced
  // waits to be withdrawn, all else to be announced. As long as `states`, or empty.
  std::vector<TimePoint> waits = {};
  // How often a reload was asked for since the keeper began, as of when this was told, and up to which of
  // these the configuration has been judged.
  std::uint32_t reloads_asked = 0;
  std::uint32_t reloads_done = 0;

  friend bool operator==(const KernelView&, const KernelView&) = default;
};

// How the problem begins that a refused reload leaves.
inline constexpr const char* kReloadRefused = "the last reload was refused: ";

class KeeperLink {
 public:
  virtual ~KeeperLink() = default;

  // What is to become of each advertisement, in the order of the configuration (services in order, and theirs
  // in order). Said again and again, since each saying renews the leases of what is announced; so what is
  // said must be known now, not have been known once. Returns at once.
  virtual void want(const std::vector<Wish>& wishes) = 0;
  // Waits until the kernel has what was last wanted; false if that takes longer than `patience`.
  virtual bool settle(Duration patience) = 0;
  // The configuration is to be read again.
  virtual void request_reload() = 0;
  // What comes now is no hang: the process is about to stop itself, or goes on.
  virtual void tell_suspended(bool suspended) = 0;
  // Which services are withdrawn by hand, in the order of the configuration: for the next prober to be told.
  virtual void keep_drained(const std::vector<bool>& services) = 0;
  // The process is about to end, and what it holds is for the next one.
  virtual void hand_over() = 0;
};

}  // namespace anyprobe
