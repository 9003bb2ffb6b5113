// The address of one name, asked of the resolvers that this host is configured with (hosts file included),
// without blocking.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/address.hpp"
#include "core/event_loop.hpp"

namespace anyprobe {

struct LookupResult {
  std::optional<IpAddress> address;  // without a family asked for: the first of IPv4, else the first of IPv6
  std::chrono::seconds time_to_live{0};
  std::string error;  // why there is no address
};

class Lookup {
 public:
  // Called once, from a clean stack; the lookup may be destroyed in it.
  using Done = std::function<void(const LookupResult&)>;

  Lookup(EventLoop& loop, const std::string& name, std::optional<Family> family, Done done);
  ~Lookup();  // cancels, calls nothing
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace anyprobe
