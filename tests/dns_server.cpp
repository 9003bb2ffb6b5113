#include "dns_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "probes/dns_names.hpp"

namespace anyprobe::test {
namespace {

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(what);
}

int open_socket(const SocketAddress& address, int type) {
  const int fd = ::socket(address.ip.socket_family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  check(fd >= 0, "socket");
  sockaddr_storage storage;
  const auto length = address.to_sockaddr(storage);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&storage), length) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

SocketAddress own_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  check(::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) == 0, "getsockname");
  return SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage));
}

void send_to(int fd, const SocketAddress& peer, const DnsPacket& octets) {
  sockaddr_storage storage;
  const auto length = peer.to_sockaddr(storage);
  const auto sent =
      ::sendto(fd, octets.data(), octets.size(), 0, reinterpret_cast<sockaddr*>(&storage), length);
  check(sent == static_cast<ssize_t>(octets.size()), "sendto");
}

void put16(DnsPacket& out, std::size_t at, unsigned value) {
  out[at] = static_cast<std::uint8_t>(value >> 8U & 0xffU);
  out[at + 1] = static_cast<std::uint8_t>(value & 0xffU);
}

void append16(DnsPacket& out, unsigned value) {
  out.resize(out.size() + 2);
  put16(out, out.size() - 2, value);
}

DnsPacket address_octets(const std::string& text) {
  const auto ip = *IpAddress::parse(text);
  return {ip.bytes().begin(), ip.bytes().end()};
}

}  // namespace

std::uint16_t id_of(const DnsPacket& message) {
  return static_cast<std::uint16_t>(message.at(0) << 8U | message.at(1));
}

DnsReply::DnsReply(const DnsRequest& request) : bytes_(request.bytes) {
  bytes_.at(2) = 0x81;
  bytes_.at(3) = 0x80;
}

DnsReply& DnsReply::id(std::uint16_t id) {
  put16(bytes_, 0, id);
  return *this;
}
DnsReply& DnsReply::rcode(unsigned rcode) {
  bytes_[3] = static_cast<std::uint8_t>((bytes_[3] & 0xf0U) | rcode);
  return *this;
}
DnsReply& DnsReply::truncated() {
  bytes_[2] |= 0x02;
  return *this;
}
DnsReply& DnsReply::authenticated() {
  bytes_[3] |= 0x20;
  return *this;
}
DnsReply& DnsReply::no_recursion() {
  bytes_[3] &= 0x7f;
  return *this;
}
DnsReply& DnsReply::no_response() {
  bytes_[2] &= 0x7f;
  return *this;
}
DnsReply& DnsReply::counts(std::uint16_t questions, std::uint16_t answers) {
  put16(bytes_, 4, questions);
  put16(bytes_, 6, answers);
  return *this;
}

DnsReply& DnsReply::answer(std::uint16_t type, const DnsPacket& data) {
  put16(bytes_, 6, bytes_[6] * 256U + bytes_[7] + 1U);
  append16(bytes_, 0xc00c);  // the name of the question
  append16(bytes_, type);
  append16(bytes_, 1);
  append16(bytes_, 0);
  append16(bytes_, 60);
  append16(bytes_, static_cast<unsigned>(data.size()));
  return append(data);
}

DnsReply& DnsReply::a(const std::string& address) {
  return answer(dns_type::kA, address_octets(address));
}
DnsReply& DnsReply::aaaa(const std::string& address) {
  return answer(dns_type::kAaaa, address_octets(address));
}
DnsReply& DnsReply::txt(const std::string& text) {
  DnsPacket data{static_cast<std::uint8_t>(text.size())};
  data.insert(data.end(), text.begin(), text.end());
  return answer(dns_type::kTxt, data);
}
DnsReply& DnsReply::cname(const std::string& name) {
  return answer(dns_type::kCname, *encode_dns_name(name));
}
DnsReply& DnsReply::append(const DnsPacket& octets) {
  bytes_.insert(bytes_.end(), octets.begin(), octets.end());
  return *this;
}

struct DnsServer::Connection {
  Connection(DnsServer& server, int accepted)
      : fd(accepted), io(server.loop_, [this, &server](int) { server.on_octets(*this); }) {
    io.start(fd, Io::kRead);
  }
  ~Connection() { close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void close() {
    io.stop();
    if (fd >= 0) ::close(fd);
    fd = -1;
  }

  int fd;
  DnsPacket unread;
  Io io;
};

DnsServer::DnsServer(EventLoop& loop, Script script, const std::string& ip, Listens listens)
    : loop_(loop),
      script_(std::move(script)),
      udp_io_(loop, [this](int) { on_datagram(); }),
      tcp_io_(loop, [this](int) { on_connection(); }) {
  address_.ip = *IpAddress::parse(ip);
  // A port that is free over UDP may be taken over TCP.
  for (int tries = 0; tries < 20; ++tries) {
    address_.port = 0;
    udp_ = open_socket(address_, SOCK_DGRAM);
    check(udp_ >= 0, "bind");
    address_ = own_address(udp_);
    tcp_ = open_socket(address_, SOCK_STREAM);
    if (tcp_ >= 0) break;
    ::close(udp_);
  }
  check(tcp_ >= 0, "no port is free over both");
  udp_io_.start(udp_, Io::kRead);
  // Bound but not listening, the port refuses and is nobody else's.
  if (listens == Listens::udp_only) return;
  check(::listen(tcp_, 16) == 0, "listen");
  tcp_io_.start(tcp_, Io::kRead);
}

DnsServer::~DnsServer() {
  connections_.clear();
  udp_io_.stop();
  tcp_io_.stop();
  ::close(udp_);
  ::close(tcp_);
}

void DnsServer::on_datagram() {
  DnsPacket buffer(4096);
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  const auto got =
      ::recvfrom(udp_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&storage), &length);
  if (got < 0) return;
  buffer.resize(static_cast<std::size_t>(got));
  requests_.push_back(
      {std::move(buffer), false, -1, SocketAddress::from_sockaddr(reinterpret_cast<sockaddr*>(&storage))});
  const auto request = requests_.back();
  script_(*this, request);
}

void DnsServer::on_connection() {
  const int fd = ::accept4(tcp_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) connections_.push_back(std::make_unique<Connection>(*this, fd));
}

void DnsServer::on_octets(Connection& connection) {
  DnsPacket buffer(4096);
  const auto got = ::recv(connection.fd, buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    connection.close();
    return;
  }
  auto& unread = connection.unread;
  unread.insert(unread.end(), buffer.begin(), buffer.begin() + got);
  if (unread.size() < 2 || unread.size() < 2U + id_of(unread)) return;
  DnsRequest request{{unread.begin() + 2, unread.begin() + 2 + id_of(unread)}, true, connection.fd, {}};
  unread.clear();
  requests_.push_back(request);
  script_(*this, request);
}

void DnsServer::send(const DnsRequest& request, const DnsPacket& message) {
  if (!request.tcp) {
    send_to(udp_, request.peer, message);
    return;
  }
  DnsPacket framed;
  append16(framed, static_cast<unsigned>(message.size()));
  framed.insert(framed.end(), message.begin(), message.end());
  send_octets(request, framed);
}

void DnsServer::send_from_another_port(const DnsRequest& request, const DnsReply& reply) {
  const int fd = open_socket({address_.ip, 0}, SOCK_DGRAM);
  send_to(fd, request.peer, reply.bytes());
  ::close(fd);
}

void DnsServer::send_octets(const DnsRequest& request, const DnsPacket& octets) {
  const auto sent = ::send(request.fd, octets.data(), octets.size(), MSG_NOSIGNAL);
  check(sent == static_cast<ssize_t>(octets.size()), "send");
}

void DnsServer::hang_up(const DnsRequest& request, bool reset) {
  for (auto& connection : connections_) {
    if (connection->fd != request.fd) continue;
    const linger now{1, 0};
    if (reset) ::setsockopt(request.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    connection->close();
  }
}

DnsServer::Script answers(std::function<void(DnsReply&)> fill) {
  return [fill = std::move(fill)](DnsServer& server, const DnsRequest& request) {
    DnsReply reply(request);
    fill(reply);
    server.send(request, reply);
  };
}

DnsServer::Script says_nothing() {
  return [](DnsServer&, const DnsRequest&) {};
}

std::string deserted_address() {
  const int fd = open_socket(*SocketAddress::parse("127.0.0.1", 0), SOCK_DGRAM);
  const auto address = own_address(fd);
  ::close(fd);
  return address.to_string();
}

}  // namespace anyprobe::test
