// A listener on loopback that does what a test's script says, in the test's own event loop.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "core/address.hpp"
#include "core/event_loop.hpp"

namespace anyprobe::test {

class TcpServer {
 public:
  struct Connection {
    Connection(EventLoop& loop, int descriptor, std::function<void()> on_ready);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void say(const std::string& octets) const;
    void hang_up();
    void reset();

    int fd;
    SocketAddress peer;
    std::string heard;
    bool ended = false;    // by the other side, in order
    bool aborted = false;  // by a reset
    Io io;
  };
  // Called once a connection is there, and whenever something came.
  using Script = std::function<void(Connection& connection)>;

  TcpServer(EventLoop& loop, Script script = nullptr, const std::string& ip = "127.0.0.1");
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  [[nodiscard]] std::string address() const { return address_.to_string(); }
  [[nodiscard]] std::string port() const { return std::to_string(address_.port); }
  [[nodiscard]] const std::list<std::unique_ptr<Connection>>& connections() const { return connections_; }
  void stop();            // nobody listens any more
  void stop_accepting();  // the kernel still connects, until the backlog is full

 private:
  void on_connection();
  void on_octets(Connection& connection);

  EventLoop& loop_;
  Script script_;
  SocketAddress address_;
  int fd_ = -1;
  Io io_;
  std::list<std::unique_ptr<Connection>> connections_;
};

}  // namespace anyprobe::test
