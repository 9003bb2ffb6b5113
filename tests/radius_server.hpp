// A RADIUS server on loopback that does what a test's script says, in the test's own event loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "datagram_server.hpp"
#include "radius_signing.hpp"

namespace anyprobe::test::radius {

class RadiusServer {
 public:
  // Called with each datagram, after it has been put into requests().
  using Script = std::function<void(RadiusServer& server)>;

  RadiusServer(EventLoop& loop, Script script, const std::string& ip = "127.0.0.1")
      : script_(std::move(script)),
        server_(
            loop, [this](auto&, const auto& got) { take(got); }, ip) {}

  [[nodiscard]] std::string address() const { return server_.address(); }
  [[nodiscard]] const std::vector<Octets>& requests() const { return requests_; }
  [[nodiscard]] const std::vector<SocketAddress>& clients() const { return clients_; }  // of each request
  void say(const Octets& datagram) const { server_.send(clients_.back(), datagram); }   // to the last client
  void stop() { server_.stop(); }

 private:
  void take(const DatagramServer::Datagram& got) {
    requests_.push_back(got.octets);
    clients_.push_back(got.from);
    if (script_) script_(*this);
  }

  Script script_;
  DatagramServer server_;
  std::vector<Octets> requests_;
  std::vector<SocketAddress> clients_;
};

}  // namespace anyprobe::test::radius
