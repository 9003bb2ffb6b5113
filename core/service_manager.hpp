// What the service manager is told (sd_notify(3)): that we are ready, that we live, that we end. Where there
// is none, or the build is without libsystemd, nothing happens.
#pragma once

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

 private:
  void feed();

  Duration period_{};
  Timer watchdog_;
};

}  // namespace anyprobe
