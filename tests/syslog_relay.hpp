// A syslog relay of a test's own, in its event loop: UDP in, and out whatever the script says.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/event_loop.hpp"

namespace anyprobe::test {

// A port of 127.0.0.1 that nobody has now, for UDP and TCP.
std::string free_port();

class SyslogRelay {
 public:
  using Script = std::function<void(SyslogRelay& relay, const std::string& line)>;

  // Without a script each line goes out as it came.
  SyslogRelay(EventLoop& loop, const std::string& out_port, Script script = nullptr);
  ~SyslogRelay();
  SyslogRelay(const SyslogRelay&) = delete;
  SyslogRelay& operator=(const SyslogRelay&) = delete;

  [[nodiscard]] std::string address() const { return address_.to_string(); }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  void send(const std::string& line) const;  // out
  void stop();                               // nobody listens any more

 private:
  void receive();

  Script script_;
  SocketAddress out_;
  SocketAddress address_;
  std::vector<std::string> lines_;
  int fd_ = -1;
  int out_fd_ = -1;
  Io io_;
};

// A connection to a port of 127.0.0.1, as a relay makes it that sends over TCP.
class SyslogConnection {
 public:
  explicit SyslogConnection(const std::string& port);
  ~SyslogConnection();
  SyslogConnection(const SyslogConnection&) = delete;
  SyslogConnection& operator=(const SyslogConnection&) = delete;

  void send(const std::string& octets) const;
  [[nodiscard]] bool ended() const;  // by the other side

 private:
  int fd_ = -1;
};

// A Unix socket that is read by a test.
class LocalSocket {
 public:
  explicit LocalSocket(int type);  // SOCK_DGRAM or SOCK_STREAM
  ~LocalSocket();
  LocalSocket(const LocalSocket&) = delete;
  LocalSocket& operator=(const LocalSocket&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string receive() const;  // what is there now, or nothing
  void stop();                                // its file stays

 private:
  std::string folder_;
  std::string path_;
  bool stream_;
  int fd_ = -1;
};

}  // namespace anyprobe::test
