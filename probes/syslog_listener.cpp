#include "probes/syslog_listener.hpp"

#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <list>
#include <tuple>
#include <utility>

namespace anyprobe {
namespace {

constexpr int kReceiveBuffer = 4 * 1024 * 1024;  // the kernel gives no more than net.core.rmem_max
constexpr int kAtOnce = 256;                     // a flood must not keep the loop from the others
constexpr std::size_t kMostConnections = 64;

class UdpListener final : public SyslogListener {
 public:
  UdpListener(EventLoop& loop, const SocketAddress& address, int fd)
      : SyslogListener(address), fd_(fd), io_(loop, [this](int) { receive(); }) {
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    io_.start(fd_, Io::kRead);
  }
  ~UdpListener() override {
    io_.stop();
    ::close(fd_);
  }

  [[nodiscard]] std::uint32_t lost() const override {
    // SO_RXQ_OVFL tells its count with the next datagram that finds room. The last ones of a round may be the
    // lost ones, so the kernel is asked for the same count now, where it can be (Linux 4.12).
    std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
    socklen_t length = sizeof memory;
    if (::getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, memory.data(), &length) == 0 && length == sizeof memory) {
      return memory[SK_MEMINFO_DROPS];
    }
    return told_lost_;
  }
  [[nodiscard]] std::string tell_lost(std::uint32_t number) const override {
    return "overflow: " + std::to_string(number) + (number == 1 ? " datagram" : " datagrams") + " lost on " +
           address().to_string();
  }

 private:
  void receive() {
    static std::array<char, 65536> datagram;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint32_t))> control;
    for (int i = 0; i < kAtOnce; ++i) {
      iovec part{datagram.data(), datagram.size()};
      msghdr message{};
      message.msg_iov = &part;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const ssize_t got = ::recvmsg(fd_, &message, 0);
      if (got < 0) return;
      const auto* header = CMSG_FIRSTHDR(&message);
      if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SO_RXQ_OVFL) {
        std::memcpy(&told_lost_, CMSG_DATA(header), sizeof told_lost_);
      }
      SyslogTokens tokens;
      take(tokens, {datagram.data(), static_cast<std::size_t>(got)});
    }
  }

  const int fd_;
  std::uint32_t told_lost_ = 0;
  Io io_;
};

class TcpListener final : public SyslogListener {
 public:
  TcpListener(EventLoop& loop, const SocketAddress& address, int fd)
      : SyslogListener(address),
        loop_(loop),
        fd_(fd),
        io_(loop, [this](int) { accept(); }),
        sweep_(loop, [this] { sweep(); }) {
    io_.start(fd_, Io::kRead);
  }
  ~TcpListener() override {
    io_.stop();
    ::close(fd_);
  }

  [[nodiscard]] std::uint32_t lost() const override { return refused_; }
  [[nodiscard]] std::string tell_lost(std::uint32_t) const override {
    return "a connection to " + address().to_string() + " could not be taken (" + std::strerror(error_) + ")";
  }

 private:
  struct Connection {
    Connection(TcpListener& listener, int descriptor)
        : fd(descriptor), io(listener.loop_, [this, &listener](int) { listener.receive(*this); }) {
      io.start(fd, Io::kRead);
    }
    ~Connection() { close(); }
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    void close() {
      io.stop();
      if (fd >= 0) ::close(std::exchange(fd, -1));
    }

    int fd;
    TimePoint heard = Clock::now();
    SyslogTokens tokens;
    Io io;
  };

  // Without a descriptor to spare the connection stays in the queue, and would wake the loop again and again.
  void resume() override { io_.start(fd_, Io::kRead); }

  void accept() {
    for (int i = 0; i < kAtOnce; ++i) {
      const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        make_room();
        connections_.emplace_back(*this, fd);
        continue;
      }
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        error_ = errno;
        ++refused_;
        io_.stop();
        return;
      }
      if (errno == EAGAIN) return;
    }
  }

  // Relays keep a connection for long, and say nothing at the end of some: the longest silent goes.
  void make_room() {
    if (connections_.size() < kMostConnections) return;
    connections_.erase(
        std::min_element(connections_.begin(), connections_.end(),
                         [](const auto& one, const auto& other) { return one.heard < other.heard; }));
  }

  void receive(Connection& connection) {
    static std::array<char, 65536> piece;
    for (int i = 0; i < 4; ++i) {
      const ssize_t got = ::recv(connection.fd, piece.data(), piece.size(), 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (got <= 0) {
        // It is called by its own watcher now, so it is destroyed later.
        connection.close();
        sweep_.schedule();
        return;
      }
      connection.heard = Clock::now();
      take(connection.tokens, {piece.data(), static_cast<std::size_t>(got)});
    }
  }

  void sweep() {
    connections_.remove_if([](const Connection& connection) { return connection.fd < 0; });
  }

  EventLoop& loop_;
  const int fd_;
  std::uint32_t refused_ = 0;
  int error_ = 0;
  std::list<Connection> connections_;
  Io io_;
  Deferred sweep_;
};

// By loop, address and whether it is TCP.
using Key = std::tuple<const EventLoop*, SocketAddress, bool>;

std::map<Key, std::weak_ptr<SyslogListener>>& listeners() {
  static std::map<Key, std::weak_ptr<SyslogListener>> all;
  std::erase_if(all, [](const auto& item) { return item.second.expired(); });
  return all;
}

std::string why_not(const Key& wanted, int error) {
  const auto& [loop, address, tcp] = wanted;
  const auto said = address.to_string();
  if (error == EACCES) {
    return said +
           " cannot be taken: low ports need a privilege that the prober does not have (try one above "
           "1023)";
  }
  if (error != EADDRINUSE) return said + " cannot be listened on: " + std::strerror(error);
  for (const auto& [key, listener] : listeners()) {
    const auto& [other_loop, other, other_tcp] = key;
    if (other_loop == loop && other.port == address.port && other_tcp == tcp) {
      return said + " is taken: this process listens on " + other.to_string() + " already";
    }
  }
  return said + " is taken: " + std::strerror(error);
}

// A descriptor, or minus errno.
int open_port(const SocketAddress& address, bool tcp) {
  const int type = tcp ? SOCK_STREAM : SOCK_DGRAM;
  const int fd = ::socket(address.ip.socket_family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int on = 1;  // connections of a process before this one may still be ending
  if (tcp) ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage own;
  const socklen_t length = address.to_sockaddr(own);
  constexpr int kBacklog = 16;
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&own), length) != 0 ||
      (tcp && ::listen(fd, kBacklog) != 0)) {
    const int error = errno;
    ::close(fd);
    return -error;
  }
  return fd;
}

}  // namespace

Outcome<std::shared_ptr<SyslogListener>> SyslogListener::of(EventLoop& loop, const SocketAddress& address,
                                                            Protocol protocol) {
  const bool tcp = protocol == Protocol::tcp;
  const Key key(&loop, address, tcp);
  const auto& all = listeners();
  if (const auto there = all.find(key); there != all.end()) return there->second.lock();
  const int fd = open_port(address, tcp);
  if (fd < 0) return Error{why_not(key, -fd)};
  std::shared_ptr<SyslogListener> made;
  if (tcp) {
    made = std::make_shared<TcpListener>(loop, address, fd);
  } else {
    made = std::make_shared<UdpListener>(loop, address, fd);
  }
  listeners()[key] = made;
  return made;
}

void SyslogListener::expect(const std::string& token, std::function<void()> came) {
  expected_[token] = std::move(came);
  resume();
}

void SyslogListener::forget(const std::string& token) {
  expected_.erase(token);
}

void SyslogListener::take(SyslogTokens& tokens, std::string_view piece) {
  tokens.take(piece, [this](const std::string& token) {
    const auto it = expected_.find(token);
    if (it == expected_.end()) return;
    const auto came = it->second;  // it may be forgotten meanwhile
    came();
  });
}

}  // namespace anyprobe
