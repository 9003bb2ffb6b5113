#include "tcp_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace anyprobe::test {

TcpServer::Connection::Connection(EventLoop& loop, int descriptor, std::function<void()> on_ready)
    : fd(descriptor), io(loop, [call = std::move(on_ready)](int) { call(); }) {
  io.start(fd, Io::kRead);
}

TcpServer::Connection::~Connection() {
  hang_up();
}

void TcpServer::Connection::say(const std::string& octets) const {
  const auto sent = ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(octets.size())) throw std::runtime_error("send");
}

void TcpServer::Connection::hang_up() {
  io.stop();
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

void TcpServer::Connection::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  hang_up();
}

TcpServer::TcpServer(EventLoop& loop, Script script, const std::string& ip)
    : loop_(loop), script_(std::move(script)), io_(loop, [this](int) { on_connection(); }) {
  const auto wanted = *SocketAddress::parse(ip, 0);
  fd_ = ::socket(wanted.ip.socket_family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_storage storage{};
  socklen_t length = wanted.to_sockaddr(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (fd_ < 0 || ::bind(fd_, address, length) != 0 || ::listen(fd_, 16) != 0) {
    throw std::runtime_error("no listener on " + ip);
  }
  length = sizeof storage;
  ::getsockname(fd_, address, &length);
  address_ = SocketAddress::from_sockaddr(address);
  io_.start(fd_, Io::kRead);
}

TcpServer::~TcpServer() {
  stop();
}

void TcpServer::stop() {
  io_.stop();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

void TcpServer::stop_accepting() {
  io_.stop();
  ::listen(fd_, 0);
}

void TcpServer::on_connection() {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) return;
  auto& place = connections_.emplace_back();
  place = std::make_unique<Connection>(loop_, fd, [this, &place] { on_octets(*place); });
  place->peer = SocketAddress::from_sockaddr(reinterpret_cast<const sockaddr*>(&peer));
  if (script_) script_(*place);
}

void TcpServer::on_octets(Connection& connection) {
  std::array<char, 4096> piece;
  const ssize_t got = ::recv(connection.fd, piece.data(), piece.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    (got == 0 ? connection.ended : connection.aborted) = true;
    connection.io.stop();
    return;
  }
  connection.heard.append(piece.data(), static_cast<std::size_t>(got));
  if (script_) script_(connection);
}

}  // namespace anyprobe::test
