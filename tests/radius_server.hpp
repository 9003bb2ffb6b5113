// A RADIUS server on loopback that does what a test's script says, in the test's own event loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/event_loop.hpp"
#include "radius_signing.hpp"

namespace anyprobe::test::radius {

class RadiusServer {
 public:
  // Called with each datagram, after it has been put into requests().
  using Script = std::function<void(RadiusServer& server)>;

  RadiusServer(EventLoop& loop, Script script, const std::string& ip = "127.0.0.1");
  ~RadiusServer();
  RadiusServer(const RadiusServer&) = delete;
  RadiusServer& operator=(const RadiusServer&) = delete;

  [[nodiscard]] std::string address() const { return address_.to_string(); }
  [[nodiscard]] const std::vector<Octets>& requests() const { return requests_; }
  [[nodiscard]] const std::vector<SocketAddress>& clients() const { return clients_; }  // of each request
  void say(const Octets& datagram) const;                                               // to the last client
  void stop();

 private:
  void on_datagram();

  Script script_;
  SocketAddress address_;
  int fd_ = -1;
  Io io_;
  std::vector<Octets> requests_;
  std::vector<SocketAddress> clients_;
};

}  // namespace anyprobe::test::radius
