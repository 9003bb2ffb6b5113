#include "syslog_relay.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace anyprobe::test {
namespace {

SocketAddress loopback(const std::string& port) {
  return {*IpAddress::parse("127.0.0.1"), static_cast<std::uint16_t>(std::stoi(port))};
}

int open_socket(int type, const SocketAddress& own) {
  const int fd = ::socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_storage storage{};
  const socklen_t length = own.to_sockaddr(storage);
  if (fd >= 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

SocketAddress name_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage));
}

void connect_to(int fd, const SocketAddress& address) {
  sockaddr_storage storage{};
  const socklen_t length = address.to_sockaddr(storage);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0) {
    throw std::runtime_error("no connection to " + address.to_string());
  }
}

}  // namespace

std::string free_port() {
  for (int i = 0; i < 100; ++i) {
    const int udp = open_socket(SOCK_DGRAM, loopback("0"));
    const auto address = name_of(udp);
    const int tcp = open_socket(SOCK_STREAM, address);
    ::close(udp);
    if (tcp < 0) continue;
    ::close(tcp);
    return std::to_string(address.port);
  }
  throw std::runtime_error("no free port");
}

SyslogRelay::SyslogRelay(EventLoop& loop, const std::string& out_port, Script script)
    : script_(std::move(script)), out_(loopback(out_port)), io_(loop, [this](int) { receive(); }) {
  fd_ = open_socket(SOCK_DGRAM, loopback("0"));
  out_fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  address_ = name_of(fd_);
  io_.start(fd_, Io::kRead);
}

SyslogRelay::~SyslogRelay() {
  stop();
  ::close(out_fd_);
}

void SyslogRelay::stop() {
  io_.stop();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void SyslogRelay::send(const std::string& line) const {
  sockaddr_storage storage{};
  const socklen_t length = out_.to_sockaddr(storage);
  ::sendto(out_fd_, line.data(), line.size(), 0, reinterpret_cast<const sockaddr*>(&storage), length);
}

void SyslogRelay::receive() {
  std::array<char, 4096> datagram;
  const ssize_t got = ::recv(fd_, datagram.data(), datagram.size(), 0);
  if (got < 0) return;
  lines_.emplace_back(datagram.data(), static_cast<std::size_t>(got));
  if (script_) {
    script_(*this, lines_.back());
  } else {
    send(lines_.back());
  }
}

SyslogConnection::SyslogConnection(const std::string& port)
    : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  connect_to(fd_, loopback(port));
}

SyslogConnection::~SyslogConnection() {
  ::close(fd_);
}

void SyslogConnection::send(const std::string& octets) const {
  if (::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(octets.size())) {
    throw std::runtime_error("send");
  }
}

bool SyslogConnection::ended() const {
  char octet = 0;
  return ::recv(fd_, &octet, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

LocalSocket::LocalSocket(int type)
    : stream_(type == SOCK_STREAM), fd_(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  std::string folder = "/tmp/anyprobe-test-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no folder");
  folder_ = folder;
  path_ = folder + "/log";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      (stream_ && ::listen(fd_, 4) != 0)) {
    throw std::runtime_error("no socket " + path_);
  }
}

LocalSocket::~LocalSocket() {
  stop();
  ::unlink(path_.c_str());
  ::rmdir(folder_.c_str());
}

void LocalSocket::stop() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

std::string LocalSocket::receive() const {
  std::array<char, 4096> octets;
  const int from = stream_ ? ::accept(fd_, nullptr, nullptr) : fd_;
  const ssize_t got = ::recv(from, octets.data(), octets.size(), 0);
  if (stream_) ::close(from);
  return got > 0 ? std::string(octets.data(), static_cast<std::size_t>(got)) : std::string();
}

}  // namespace anyprobe::test
