#include "datagram_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

namespace anyprobe::test {

DatagramServer::DatagramServer(EventLoop& loop, Script script, const std::string& ip)
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

DatagramServer::~DatagramServer() {
  stop();
}

void DatagramServer::stop() {
  io_.stop();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void DatagramServer::send(const SocketAddress& to, const std::vector<std::uint8_t>& octets) const {
  sockaddr_storage storage;
  const socklen_t length = to.to_sockaddr(storage);
  const auto sent =
      ::sendto(fd_, octets.data(), octets.size(), 0, reinterpret_cast<const sockaddr*>(&storage), length);
  if (sent != static_cast<ssize_t>(octets.size())) throw std::runtime_error("sendto");
}

void DatagramServer::send(const SocketAddress& to, const std::string& text) const {
  send(to, std::vector<std::uint8_t>(text.begin(), text.end()));
}

void DatagramServer::on_datagram() {
  std::vector<std::uint8_t> octets(65535);
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const auto got =
      ::recvfrom(fd_, octets.data(), octets.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (got < 0) return;
  octets.resize(static_cast<std::size_t>(got));
  received_.push_back(
      {std::move(octets), SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&from))});
  const auto datagram = received_.back();
  if (script_) script_(*this, datagram);
}

}  // namespace anyprobe::test
