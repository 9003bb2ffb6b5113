#include "radius_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace anyprobe::test::radius {

RadiusServer::RadiusServer(EventLoop& loop, Script script, const std::string& ip)
    : script_(std::move(script)), io_(loop, [this](int) { on_datagram(); }) {
  const auto wanted = *SocketAddress::parse(ip, 0);
  fd_ = ::socket(wanted.ip.socket_family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_storage storage{};
  socklen_t length = wanted.to_sockaddr(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (fd_ < 0 || ::bind(fd_, address, length) != 0) throw std::runtime_error("no socket on " + ip);
  length = sizeof storage;
  ::getsockname(fd_, address, &length);
  address_ = SocketAddress::from_sockaddr(address);
  io_.start(fd_, Io::kRead);
}

RadiusServer::~RadiusServer() {
  stop();
}

void RadiusServer::stop() {
  io_.stop();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void RadiusServer::on_datagram() {
  std::array<std::uint8_t, 65535> datagram;
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const auto got =
      ::recvfrom(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (got < 0) return;
  requests_.emplace_back(datagram.begin(), datagram.begin() + got);
  clients_.push_back(SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&from)));
  if (script_) script_(*this);
}

void RadiusServer::say(const Octets& datagram) const {
  sockaddr_storage to;
  const socklen_t length = clients_.back().to_sockaddr(to);
  const auto sent =
      ::sendto(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&to), length);
  if (sent != static_cast<ssize_t>(datagram.size())) throw std::runtime_error("sendto");
}

}  // namespace anyprobe::test::radius
