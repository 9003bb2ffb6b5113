#include "probes/dns_exchange.hpp"

#include <ares.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>
#include <utility>

#include "probes/dns_message.hpp"

namespace anyprobe {

// A channel of c-ares with room for one exchange at a time. It is 75 KB and reads /dev/urandom when it is
// made, so that those done with are kept for the next exchange, whichever probe's that is.
class DnsChannel {
 public:
  explicit DnsChannel(bool tcp);
  ~DnsChannel() { ares_destroy(raw_); }
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  static std::unique_ptr<DnsChannel> take(bool tcp, DnsExchange& user);
  static void give_back(std::unique_ptr<DnsChannel> channel);

  void set_server(const SocketAddress& server);
  [[nodiscard]] ares_channel raw() const { return raw_; }

 private:
  using Idle = std::vector<std::unique_ptr<DnsChannel>>;
  static Idle& idle(bool tcp);
  static DnsExchange& user_of(void* channel) { return *static_cast<DnsChannel*>(channel)->user_; }

  static const ares_socket_functions kSocketFunctions;

  ares_channel raw_ = nullptr;
  bool tcp_;
  DnsExchange* user_ = nullptr;
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
    [](int fd, void* data, std::size_t size, int, sockaddr* from, socklen_t* from_length, void* channel) {
      return user_of(channel).receive(fd, data, size, from, from_length);
    },
    [](int fd, const iovec* parts, int count, void* channel) {
      return user_of(channel).send(fd, parts, count);
    },
};

DnsChannel::DnsChannel(bool tcp) : tcp_(tcp) {
  // What is not given here, c-ares would look for in files and in the host's name.
  ares_options options{};
  char lookups[] = "b";
  options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_IGNTC | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES |
                  (tcp ? ARES_FLAG_USEVC : 0);
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

DnsChannel::Idle& DnsChannel::idle(bool tcp) {
  static std::array<Idle, 2> channels = [] {
    ares_library_init(ARES_LIB_INIT_ALL);
    return std::array<Idle, 2>{};
  }();
  return channels[tcp ? 1 : 0];
}

std::unique_ptr<DnsChannel> DnsChannel::take(bool tcp, DnsExchange& user) {
  auto& channels = idle(tcp);
  std::unique_ptr<DnsChannel> out;
  if (channels.empty()) {
    out = std::make_unique<DnsChannel>(tcp);
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
  auto& channels = idle(channel->tcp_);
  if (channels.size() < kIdleMost) channels.push_back(std::move(channel));
}

void DnsChannel::set_server(const SocketAddress& server) {
  ares_addr_port_node node{};
  node.family = server.ip.socket_family();
  std::memcpy(&node.addr, server.ip.bytes().data(), server.ip.bytes().size());
  node.udp_port = node.tcp_port = server.port;
  if (ares_set_servers_ports(raw_, &node) != ARES_SUCCESS) throw std::bad_alloc();
}

DnsExchange::DnsExchange(EventLoop& loop, const DnsTarget& target, Done done)
    : target_(target),
      done_(std::move(done)),
      channel_(DnsChannel::take(target.tcp, *this)),
      io_(loop, [this](int events) { on_ready(events); }) {
  channel_->set_server(target.server);
}

DnsExchange::~DnsExchange() {
  finished_ = true;
  DnsChannel::give_back(std::move(channel_));
}

void DnsExchange::start(std::span<const std::uint8_t> query) {
  query_ = query;
  ares_send(
      channel_->raw(), query.data(), static_cast<int>(query.size()),
      [](void* self, int status, int, unsigned char* reply, int size) {
        static_cast<DnsExchange*>(self)->answered(status, {reply, static_cast<std::size_t>(size)});
      },
      this);
  rethrow();
}

void DnsExchange::on_ready(int events) {
  ares_process_fd(channel_->raw(), (events & Io::kRead) != 0 ? fd_ : ARES_SOCKET_BAD,
                  (events & Io::kWrite) != 0 ? fd_ : ARES_SOCKET_BAD);
  if (bare_reply_ && !finished_) {
    finish({.reply = *bare_reply_});
    ares_cancel(channel_->raw());
  }
  rethrow();
}

void DnsExchange::watch(int fd, bool readable, bool writable) {
  fd_ = fd;
  if (readable || writable) {
    io_.start(fd, (readable ? Io::kRead : 0) | (writable ? Io::kWrite : 0));
  } else {
    io_.stop();
  }
}

void DnsExchange::answered(int status, std::span<const std::uint8_t> reply) noexcept {
  if (finished_) return;
  if (status == ARES_SUCCESS) {
    // c-ares cuts to 512 octets what came without EDNS.
    finish({.reply = target_.tcp ? reply : datagram_});
  } else if (failure_.call != nullptr) {
    finish(failure_);
  } else if (target_.tcp && read_past_ != 0) {
    finish({.reply = {}});  // a message of no octets, for which c-ares finds no memory
  } else {
    finish({.call = "c-ares", .error = ENOMEM, .local = true});  // its only other failure
  }
}

void DnsExchange::finish(const DnsOutcome& outcome) noexcept {
  finished_ = true;
  try {
    done_(outcome);
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

void DnsExchange::rethrow() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void DnsExchange::note_failure(const char* call, int error, bool local) noexcept {
  if (failure_.call == nullptr) failure_ = {.reply = {}, .call = call, .error = error, .local = local};
}

int DnsExchange::open_socket(int family, int type) noexcept {
  const int fd = ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    note_failure("socket", errno, true);
    return -1;
  }
  if (configure_socket(fd)) return fd;
  ::close(fd);
  return -1;
}

bool DnsExchange::configure_socket(int fd) noexcept {
  if (!target_.device.empty() && ::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, target_.device.c_str(),
                                              static_cast<socklen_t>(target_.device.size())) != 0) {
    note_failure("bind to device", errno, true);
    return false;
  }
  if (!target_.source) return true;
  const int on = 1;  // else a port is taken before it is known where to, and shared with no other connection
  if (target_.tcp) ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_storage source;
  const socklen_t length = SocketAddress{*target_.source, 0}.to_sockaddr(source);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&source), length) != 0) {
    note_failure("bind", errno, true);
    return false;
  }
  return true;
}

int DnsExchange::connect_socket(int fd, const sockaddr* server, socklen_t length) noexcept {
  if (::connect(fd, server, length) == 0) return 0;
  if (errno != EINPROGRESS) note_failure("connect", errno, true);
  return -1;
}

ssize_t DnsExchange::send(int fd, const iovec* parts, int count) noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<std::size_t>(count);
  const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  if (sent < 0) {
    const bool later = target_.tcp && errno == EAGAIN;
    // A connection that could not be made says so here, so that over TCP the error is not this host's own.
    if (!later) note_failure(target_.tcp ? "connect" : "send", errno, !target_.tcp);
  }
  return sent;
}

ssize_t DnsExchange::receive(int fd, void* data, std::size_t size, sockaddr* from,
                             socklen_t* from_length) noexcept {
  const ssize_t got = ::recvfrom(fd, data, size, 0, from, from_length);
  if (got < 0) {
    if (errno != EAGAIN) note_failure("receive", errno, false);
    return got;
  }
  const auto count = static_cast<std::size_t>(got);
  if (target_.tcp) {
    if (got == 0) note_failure("receive", 0, false);
    read_past_ += count;
    return got;
  }
  datagram_ = {static_cast<const std::uint8_t*>(data), count};
  const auto fit = dns_fit(query_, datagram_);
  if (fit == DnsFit::ours) return got;
  // c-ares is spared the rest: it takes an empty datagram for a broken socket, drops without a word a reply
  // that repeats no question, and would read a flood of strays in one go.
  ++read_past_;
  if (fit == DnsFit::bare) bare_reply_.emplace(datagram_.begin(), datagram_.end());
  errno = EAGAIN;
  return -1;
}

}  // namespace anyprobe
