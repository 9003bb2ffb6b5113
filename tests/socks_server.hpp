// What a test needs to play a SOCKS proxy on loopback, in the test's own event loop.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"
#include "core/event_loop.hpp"
#include "tcp_server.hpp"

namespace anyprobe::test {

// Octets of a literal that may have NUL in it.
template <std::size_t N>
std::string octets(const char (&literal)[N]) {
  return std::string(literal, N - 1);
}

// SOCKS5 without a login: chooses it, then hands each whole request to `on_request` (the last octet of the
// port is how tests tell their targets apart).
using OnRequest = std::function<void(TcpServer::Connection& connection, const std::string& request)>;
TcpServer::Script socks5(OnRequest on_request);

// A reply of SOCKS5 with this code and an IPv4 address.
std::string socks5_reply(int code, const SocketAddress& bound = {});

// The relay: a UDP socket whose script is given each datagram and whom it came from.
class UdpRelay {
 public:
  using Script = std::function<void(UdpRelay& relay, const std::string& datagram)>;

  UdpRelay(EventLoop& loop, Script script);
  ~UdpRelay();
  UdpRelay(const UdpRelay&) = delete;
  UdpRelay& operator=(const UdpRelay&) = delete;

  [[nodiscard]] const SocketAddress& address() const { return address_; }
  [[nodiscard]] const SocketAddress& peer() const { return peer_; }
  [[nodiscard]] const std::vector<std::string>& heard() const { return heard_; }
  void say(const std::string& datagram) const;  // to whom it heard last
  void stop();                                  // nobody receives any more

 private:
  void receive();

  Script script_;
  SocketAddress address_;
  SocketAddress peer_;
  std::vector<std::string> heard_;
  int fd_ = -1;
  Io io_;
};

}  // namespace anyprobe::test
