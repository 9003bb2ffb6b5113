#include "probes/tcp_exchange.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace anyprobe {

TcpSocket open_tcp_socket(const TcpTarget& target) {
  const int fd = ::socket(target.server.ip.socket_family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return {-1, "socket", errno};
  const auto failed = [fd](const char* call) {
    const TcpSocket out{-1, call, errno};
    ::close(fd);
    return out;
  };
  if (!target.device.empty() && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target.device.c_str(),
                                             static_cast<socklen_t>(target.device.size())) != 0) {
    return failed("bind to device");
  }
  if (!target.source) return {fd, nullptr, 0};
  const int on = 1;  // else a port is taken before it is known where to, and shared with no other connection
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_storage source;
  const socklen_t length = SocketAddress{*target.source, 0}.to_sockaddr(source);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&source), length) != 0) return failed("bind");
  return {fd, nullptr, 0};
}

TcpExchange::TcpExchange(EventLoop& loop, const TcpTarget& target, Done done)
    : target_(target), done_(std::move(done)), io_(loop, [this](int) { look(); }) {}

TcpExchange::~TcpExchange() {
  close();
}

void TcpExchange::start(Octets send, Enough enough) {
  unsent_ = send;
  enough_ = std::move(enough);
  only_connects_ = send.empty() && !enough_;
  if (!open() || !connect()) return;
  proceed();
}

std::optional<SocketAddress> TcpExchange::local_address() const {
  sockaddr_storage own;
  socklen_t length = sizeof own;
  if (fd_ < 0 || ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &length) != 0) return std::nullopt;
  return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&own));
}

void TcpExchange::look() {
  if (finished_ || fd_ < 0) return;
  if (!connected_ && !check_connected()) return;
  proceed();
}

void TcpExchange::say(Octets more) {
  std::vector<std::uint8_t> all(unsent_.begin(), unsent_.end());
  all.insert(all.end(), more.begin(), more.end());
  more_ = std::move(all);
  unsent_ = more_;
}

// Each of these is false where there is no more to do now: it waits, or it is over.

bool TcpExchange::open() {
  const auto socket = open_tcp_socket(target_);
  fd_ = socket.fd;
  if (fd_ < 0) return fail(socket.call, socket.error, true);
  // The last of the three packets of the handshake waits, as it would for what is said with it, and a reset
  // goes in its place (tcp(7)).
  const int off = 0;
  if (only_connects_) ::setsockopt(fd_, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
  return true;
}

bool TcpExchange::connect() {
  sockaddr_storage server;
  const socklen_t length = target_.server.to_sockaddr(server);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&server), length) == 0) return is_connected();
  if (errno != EINPROGRESS) return fail("connect", errno, true);
  // Over loopback both ends have done their part by now, and one pass of the loop is saved.
  if (target_.server.ip.is_loopback() && check_connected()) return true;
  if (finished_) return false;
  io_.start(fd_, Io::kWrite);
  return false;
}

bool TcpExchange::check_connected() {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return fail("connect", error, false);
  sockaddr_storage peer;
  length = sizeof peer;
  if (::getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &length) != 0) return false;
  return is_connected();
}

bool TcpExchange::is_connected() {
  // Where nobody listens on a port that the kernel may choose for us, it can choose just that one, and we are
  // connected to ourselves (RFC 9293, section 3.5: simultaneous open).
  sockaddr_storage own;
  socklen_t length = sizeof own;
  const bool known = ::getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &length) == 0;
  if (known && SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&own)) == target_.server) {
    return fail("connect", ECONNREFUSED, false);
  }
  connected_ = true;
  return true;
}

void TcpExchange::proceed() {
  // Read first: what was said before the connection broke counts.
  if (enough_ && !read()) return;
  if (!write()) return;
  if (!enough_ && unsent_.empty()) {
    finish({.end = TcpOutcome::End::connected});
    return;
  }
  io_.start(fd_, (enough_ ? Io::kRead : 0) | (unsent_.empty() ? 0 : Io::kWrite));
}

bool TcpExchange::read() {
  std::array<std::uint8_t, 4096> piece;
  for (;;) {
    const ssize_t got = ::recv(fd_, piece.data(), std::min(piece.size(), kTcpReadMost - received_.size()), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got <= 0) return fail("receive", got < 0 ? errno : 0, false);
    received_.insert(received_.end(), piece.begin(), piece.begin() + got);
    if (enough_(received_)) {
      finish({.end = TcpOutcome::End::enough});
      return false;
    }
    if (received_.size() == kTcpReadMost) {
      finish({.end = TcpOutcome::End::too_much});
      return false;
    }
  }
}

bool TcpExchange::write() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (sent < 0) {
      const int error = errno;
      // Between the reading and this, it may have answered and gone.
      if (enough_ && !read()) return false;
      return fail("send", error, false);
    }
    unsent_ = unsent_.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool TcpExchange::fail(const char* call, int error, bool local) {
  finish({.end = TcpOutcome::End::failed, .call = call, .error = error, .local = local});
  return false;
}

void TcpExchange::finish(const TcpOutcome& outcome) {
  finished_ = true;
  close();
  done_(outcome);
}

void TcpExchange::close() {
  io_.stop();
  if (fd_ < 0) return;
  const linger reset{1, 0};
  if (connected_ && only_connects_) ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  // What was not read would make the kernel end the connection by a reset, which servers log.
  if (connected_ && !only_connects_) ::recv(fd_, nullptr, kTcpReadMost, MSG_TRUNC | MSG_DONTWAIT);
  ::close(std::exchange(fd_, -1));
}

}  // namespace anyprobe
