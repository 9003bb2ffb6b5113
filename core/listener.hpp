// A TCP socket that the configuration names, opened by who may, for who answers by it. Where it cannot be
// opened, that is a problem that lasts until it can.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "address.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"
#include "outcome.hpp"

namespace anyprobe {

// It does not block. An IPv6 wildcard takes IPv4 too, where the system has it so.
Outcome<Descriptor> listen_at(const SocketAddress& address);

class Listener {
 public:
  // `name`: what listens, for people. `changed` is told from a callback of the loop, and by want().
  Listener(EventLoop& loop, std::string name, std::function<void()> changed);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // From now on there, or nowhere. The same as before: nothing happens.
  void want(const std::optional<SocketAddress>& where);

  [[nodiscard]] int get() const { return socket_.get(); }                // or -1
  [[nodiscard]] const std::string& problem() const { return problem_; }  // empty: none

 private:
  void open();

  std::string name_;
  std::function<void()> changed_;
  std::optional<SocketAddress> where_;
  Descriptor socket_;
  std::string problem_;
  Timer again_;
};

}  // namespace anyprobe
