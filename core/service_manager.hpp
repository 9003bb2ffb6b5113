// What the service manager is told (sd_notify(3)): that we are ready, that we live, how it is, that we end.
// Where there is none, or the build is without libsystemd, nothing happens.
#pragma once

#include <functional>
#include <string>

#include "event_loop.hpp"

namespace anyprobe {

class ServiceManager {
 public:
  explicit ServiceManager(EventLoop& loop);
  ServiceManager(const ServiceManager&) = delete;
  ServiceManager& operator=(const ServiceManager&) = delete;

  // From then on its watchdog, if it has one, is fed as long as the loop turns.
  void ready();
  static void stopping();
  // One line of how it is, asked for soon after changed() was called, and from a clean stack.
  void status_by(std::function<std::string()> status) { status_ = std::move(status); }
  void changed();

 private:
  void feed();
  void tell_status();

  Duration period_{};
  Timer watchdog_;
  std::function<std::string()> status_;
  std::string told_;
  Timer soon_;
};

}  // namespace anyprobe
