#include "probes/dns_tcp_exchange.hpp"

#include <ares.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace anyprobe {

// A channel of c-ares with room for one exchange at a time. It is 75 KB and reads /dev/urandom when it is
// made, so that those done with are kept for the next exchange, whichever probe's that is.
class DnsChannel {
 public:
  DnsChannel();
  ~DnsChannel() { ares_destroy(raw_); }
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  static std::unique_ptr<DnsChannel> take(DnsTcpExchange& user);
  static void give_back(std::unique_ptr<DnsChannel> channel);

  void set_server(const SocketAddress& server);
  [[nodiscard]] ares_channel raw() const { return raw_; }

 private:
  using Idle = std::vector<std::unique_ptr<DnsChannel>>;
  static Idle& idle();
  static DnsTcpExchange& user_of(void* channel) { return *static_cast<DnsChannel*>(channel)->user_; }

  static const ares_socket_functions kSocketFunctions;

  ares_channel raw_ = nullptr;
  DnsTcpExchange* user_ = nullptr;
};

namespace {

constexpr std::size_t kIdleMost = 64;
constexpr int kForever = 1'000'000'000;  // milliseconds: the deadline is kept elsewhere

}  // namespace

const ares_socket_functions DnsChannel::kSocketFunctions = {
    [](int family, int type, int, void* channel) { return user_of(channel).open_socket(family, type); },
    [](int fd, void*) { return ::close(fd); },
    [](int fd, const sockaddr* server, socklen_t length, void* channel) {
      return user_of(channel).connect_socket(fd, server, length);
    },
    [](int fd, void* data, std::size_t size, int, sockaddr*, socklen_t*, void* channel) {
      return user_of(channel).receive(fd, data, size);
    },
    [](int fd, const iovec* parts, int count, void* channel) {
      return user_of(channel).send(fd, parts, count);
    },
};

DnsChannel::DnsChannel() {
  // What is not given here, c-ares would look for in files and in the host's name.
  ares_options options{};
  char lookups[] = "b";
  options.flags =
      ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_USEVC;
  options.timeout = kForever;
  options.tries = 1;
  options.ndots = 1;
  options.lookups = lookups;
  options.sock_state_cb = [](void* channel, int fd, int readable, int writable) {
    user_of(channel).watch(fd, readable != 0, writable != 0);
  };
  options.sock_state_cb_data = this;
  const int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_SERVERS |
                    ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST | ARES_OPT_SOCK_STATE_CB |
                    ARES_OPT_NOROTATE;
  const int status = ares_init_options(&raw_, &options, given);
  if (status != ARES_SUCCESS) throw std::runtime_error(std::string("c-ares: ") + ares_strerror(status));
  ares_set_socket_functions(raw_, &kSocketFunctions, this);
}

DnsChannel::Idle& DnsChannel::idle() {
  static Idle channels = [] {
    ares_library_init(ARES_LIB_INIT_ALL);
    return Idle();
  }();
  return channels;
}

std::unique_ptr<DnsChannel> DnsChannel::take(DnsTcpExchange& user) {
  auto& channels = idle();
  std::unique_ptr<DnsChannel> out;
  if (channels.empty()) {
    out = std::make_unique<DnsChannel>();
  } else {
    out = std::move(channels.back());
    channels.pop_back();
  }
  out->user_ = &user;
  return out;
}

void DnsChannel::give_back(std::unique_ptr<DnsChannel> channel) {
  ares_cancel(channel->raw_);  // closes the socket, which still tells the user
  channel->user_ = nullptr;
  auto& channels = idle();
  if (channels.size() < kIdleMost) channels.push_back(std::move(channel));
}

void DnsChannel::set_server(const SocketAddress& server) {
  ares_addr_port_node node{};
  node.family = server.ip.socket_family();
  std::memcpy(&node.addr, server.ip.bytes().data(), server.ip.bytes().size());
  node.udp_port = node.tcp_port = server.port;
  if (ares_set_servers_ports(raw_, &node) != ARES_SUCCESS) throw std::bad_alloc();
}

DnsTcpExchange::DnsTcpExchange(EventLoop& loop, const DnsTarget& target, Done done)
    : target_(target),
      done_(std::move(done)),
      channel_(DnsChannel::take(*this)),
      io_(loop, [this](int events) { on_ready(events); }) {
  channel_->set_server(target.server);
}

DnsTcpExchange::~DnsTcpExchange() {
  finished_ = true;
  DnsChannel::give_back(std::move(channel_));
}

void DnsTcpExchange::start(std::span<const std::uint8_t> query) {
  ares_send(
      channel_->raw(), query.data(), static_cast<int>(query.size()),
      [](void* self, int status, int, unsigned char* reply, int size) {
        static_cast<DnsTcpExchange*>(self)->answered(status, {reply, static_cast<std::size_t>(size)});
      },
      this);
  rethrow();
}

void DnsTcpExchange::on_ready(int events) {
  ares_process_fd(channel_->raw(), (events & Io::kRead) != 0 ? fd_ : ARES_SOCKET_BAD,
                  (events & Io::kWrite) != 0 ? fd_ : ARES_SOCKET_BAD);
  rethrow();
}

void DnsTcpExchange::watch(int fd, bool readable, bool writable) {
  fd_ = fd;
  if (readable || writable) {
    io_.start(fd, (readable ? Io::kRead : 0) | (writable ? Io::kWrite : 0));
  } else {
    io_.stop();
  }
}

void DnsTcpExchange::answered(int status, std::span<const std::uint8_t> reply) noexcept {
  if (finished_) return;
  if (status == ARES_SUCCESS) {
    finish({.reply = reply});
  } else if (failure_.call != nullptr) {
    finish(failure_);
  } else if (read_past_ != 0) {
    finish({.reply = {}});  // a message of no octets, for which c-ares finds no memory
  } else {
    finish({.call = "c-ares", .error = ENOMEM, .local = true});  // its only other failure
  }
}

void DnsTcpExchange::finish(const DnsOutcome& outcome) noexcept {
  finished_ = true;
  try {
    done_(outcome);
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

void DnsTcpExchange::rethrow() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void DnsTcpExchange::note_failure(const char* call, int error, bool local) noexcept {
  if (failure_.call == nullptr) failure_ = {.reply = {}, .call = call, .error = error, .local = local};
}

int DnsTcpExchange::open_socket(int family, int type) noexcept {
  const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    note_failure("socket", errno, true);
    return -1;
  }
  if (configure_socket(fd)) return fd;
  ::close(fd);
  return -1;
}

bool DnsTcpExchange::configure_socket(int fd) noexcept {
  if (!target_.device.empty() && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target_.device.c_str(),
                                              static_cast<socklen_t>(target_.device.size())) != 0) {
    note_failure("bind to device", errno, true);
    return false;
  }
  if (!target_.source) return true;
  const int on = 1;  // else a port is taken before it is known where to, and shared with no other connection
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_storage source;
  const socklen_t length = SocketAddress{*target_.source, 0}.to_sockaddr(source);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&source), length) != 0) {
    note_failure("bind", errno, true);
    return false;
  }
  return true;
}

int DnsTcpExchange::connect_socket(int fd, const sockaddr* server, socklen_t length) noexcept {
  if (::connect(fd, server, length) == 0) return 0;
  if (errno != EINPROGRESS) note_failure("connect", errno, true);
  return -1;
}

ssize_t DnsTcpExchange::send(int fd, const iovec* parts, int count) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<std::size_t>(count);
  const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  if (sent < 0) {
    // A connection that could not be made says so here, so that the error is not this host's own.
    if (errno != EAGAIN) note_failure("connect", errno, false);
  }
  return sent;
}

ssize_t DnsTcpExchange::receive(int fd, void* data, std::size_t size) noexcept {
  const ssize_t got = ::recv(fd, data, size, 0);
  if (got < 0) {
    if (errno != EAGAIN) note_failure("receive", errno, false);
    return got;
  }
  if (got == 0) note_failure("receive", 0, false);
  read_past_ += static_cast<std::size_t>(got);
  return got;
}

}  // namespace anyprobe
