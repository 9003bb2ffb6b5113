#include "probes/udp_exchange.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace anyprobe {
namespace {

std::optional<SocketAddress> address_of(int fd) {
  sockaddr_storage own;
  socklen_t length = sizeof own;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0) return std::nullopt;
  return SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&own));
}

}  // namespace

UdpSocket open_udp_socket(const UdpTarget& target) {
  const int fd = ::socket(target.server.ip.socket_family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return {-1, {"socket", errno, true}};
  const auto failed = [fd](const char* call, int error, bool local) {
    ::close(fd);
    return UdpSocket{-1, {call, error, local}};
  };
  if (!target.device.empty() && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target.device.c_str(),
                                             static_cast<socklen_t>(target.device.size())) != 0)
    return failed("bind to device", errno, true);
  sockaddr_storage address;
  if (target.source) {
    const socklen_t length = SocketAddress{*target.source, 0}.to_sockaddr(address);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0)
      return failed("bind", errno, true);
  }
  const socklen_t length = target.server.to_sockaddr(address);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return failed("connect", errno, true);
  // A port that the kernel could choose for us is one that nobody has.
  if (address_of(fd) == target.server) return failed("connect", ECONNREFUSED, false);
  return {fd, {}};
}

UdpExchange::UdpExchange(EventLoop& loop, const UdpTarget& target, Received received, Failed failed)
    : target_(target),
      received_(std::move(received)),
      failed_(std::move(failed)),
      io_(loop, [this](int) { receive(); }) {}

UdpExchange::~UdpExchange() {
  close();
}

void UdpExchange::connect() {
  if (!ended_ && fd_ < 0) open_socket();
}

void UdpExchange::send(Octets datagram) {
  if (ended_ || (fd_ < 0 && !open_socket())) return;
  if (::send(fd_, datagram.data(), datagram.size(), MSG_NOSIGNAL) >= 0) return;
  // An error that is there already came back for what was sent before, not from this call.
  const int error = errno;
  if (error == EAGAIN || error == EINTR) return;
  fail("send", error, error != ECONNREFUSED && error != EHOSTUNREACH);
}

bool UdpExchange::open_socket() {
  const auto socket = open_udp_socket(target_);
  fd_ = socket.fd;
  if (fd_ < 0) {
    ended_ = true;
    failed_(socket.failure);
    return false;
  }
  io_.start(fd_, Io::kRead);
  return true;
}

void UdpExchange::receive() {
  constexpr int kAtOnce = 64;  // a flood must not keep the loop from the others
  std::array<std::uint8_t, kUdpReadMost> datagram;
  for (int i = 0; i < kAtOnce && fd_ >= 0; ++i) {
    const ssize_t got = ::recv(fd_, datagram.data(), datagram.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) {
      fail("receive", errno, false);
      return;
    }
    if (!received_({datagram.data(), static_cast<std::size_t>(got)})) {
      close();
      return;
    }
  }
}

std::optional<SocketAddress> UdpExchange::local_address() const {
  return fd_ < 0 ? std::nullopt : address_of(fd_);
}

bool UdpExchange::fail(const char* call, int error, bool local) {
  close();
  failed_({call, error, local});
  return false;
}

void UdpExchange::close() {
  io_.stop();
  if (fd_ >= 0) ended_ = true;
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace anyprobe
