#include "socks_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <utility>

namespace anyprobe::test {

TcpServer::Script socks5(OnRequest on_request) {
  return [on_request = std::move(on_request)](TcpServer::Connection& connection) {
    const auto greeting = octets("\5\1\0");
    if (connection.heard == greeting) connection.say(octets("\5\0"));
    if (!connection.heard.starts_with(greeting)) return;
    const auto request = connection.heard.substr(greeting.size());
    if (request.size() < 5) return;
    const auto name = static_cast<std::size_t>(request[4]) + 1;
    const std::size_t size = 6 + (request[3] == 1 ? 4 : request[3] == 4 ? 16 : name);
    if (request.size() == size) on_request(connection, request);
  };
}

std::string socks5_reply(int code, const SocketAddress& bound) {
  auto out = octets("\5") + static_cast<char>(code) + octets("\0\1");
  for (const auto octet : bound.ip.bytes()) out += static_cast<char>(octet);
  out += static_cast<char>(bound.port >> 8U);
  return out + static_cast<char>(bound.port & 0xffU);
}

UdpRelay::UdpRelay(EventLoop& loop, Script script)
    : script_(std::move(script)), io_(loop, [this](int) { receive(); }) {
  fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_storage storage{};
  socklen_t length = SocketAddress::parse("127.0.0.1", 0).value().to_sockaddr(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (fd_ < 0 || ::bind(fd_, address, length) != 0) throw std::runtime_error("no relay");
  ::getsockname(fd_, address, &length);
  address_ = SocketAddress::from_sockaddr(address);
  io_.start(fd_, Io::kRead);
}

UdpRelay::~UdpRelay() {
  stop();
}

void UdpRelay::stop() {
  io_.stop();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void UdpRelay::say(const std::string& datagram) const {
  sockaddr_storage to{};
  const socklen_t length = peer_.to_sockaddr(to);
  ::sendto(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&to), length);
}

void UdpRelay::receive() {
  std::array<char, 2048> datagram;
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  const auto got =
      ::recvfrom(fd_, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
  if (got < 0) return;
  peer_ = SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&from));
  heard_.emplace_back(datagram.data(), static_cast<std::size_t>(got));
  if (script_) script_(*this, heard_.back());
}

}  // namespace anyprobe::test
