// A UDP server on loopback that does what a test's script says, in the test's own event loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/event_loop.hpp"

namespace anyprobe::test {

class DatagramServer {
 public:
  struct Datagram {
    std::vector<std::uint8_t> octets;
    SocketAddress from;

    [[nodiscard]] std::string text() const { return {octets.begin(), octets.end()}; }
  };
  using Script = std::function<void(DatagramServer& server, const Datagram& datagram)>;

  DatagramServer(EventLoop& loop, Script script = nullptr, const std::string& ip = "127.0.0.1");
  ~DatagramServer();
  DatagramServer(const DatagramServer&) = delete;
  DatagramServer& operator=(const DatagramServer&) = delete;

  [[nodiscard]] std::string address() const { return address_.to_string(); }
  [[nodiscard]] const std::vector<Datagram>& received() const { return received_; }
  void send(const SocketAddress& to, const std::vector<std::uint8_t>& octets) const;
  void send(const SocketAddress& to, const std::string& text) const;
  void stop();  // nobody listens any more

 private:
  void on_datagram();

  Script script_;
  SocketAddress address_;
  int fd_ = -1;
  Io io_;
  std::vector<Datagram> received_;
};

}  // namespace anyprobe::test
