// How often services that are refused, since nobody listens, are asked whether somebody does again.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>

#include "address.hpp"
#include "event_loop.hpp"

namespace anyprobe {

// Shared by all that are asked so, since many of them must not cost more than those that are well.
class ReturnPolling {
 public:
  // `is_own`: whether an address is one of this host, so that who answers there costs no other host anything.
  explicit ReturnPolling(std::function<bool(const IpAddress&)> is_own) : is_own_(std::move(is_own)) {}

  [[nodiscard]] bool may_ask(const IpAddress& address) const { return is_own_(address); }
  // All together a thousand times a second at most.
  [[nodiscard]] Duration least_interval() const { return std::chrono::milliseconds(count_); }

  // One that is asked so, as long as it lives.
  class Place {
   public:
    explicit Place(ReturnPolling& all) : all_(all) { ++all_.count_; }
    ~Place() { --all_.count_; }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    ReturnPolling& all_;
  };

 private:
  const std::function<bool(const IpAddress&)> is_own_;
  std::size_t count_ = 0;
};

}  // namespace anyprobe
