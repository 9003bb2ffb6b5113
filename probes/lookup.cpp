#include "probes/lookup.hpp"

#include <ares.h>
#include <netdb.h>
#include <sys/time.h>

#include <algorithm>
#include <map>
#include <utility>

namespace anyprobe {
namespace {

constexpr int kPatienceMs = 1000;  // for one resolver, doubled in the second of two tries
constexpr int kTries = 2;

}  // namespace

struct Lookup::Impl {
  Impl(EventLoop& event_loop, Done callback)
      : loop(event_loop),
        done(std::move(callback)),
        timer(loop, [this] { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }),
        finished(loop, [this] {
          const auto call = std::move(done);
          const auto outcome = std::move(result);
          call(outcome);
        }) {}

  ~Impl() {
    done = nullptr;
    if (channel != nullptr) ares_destroy(channel);
  }

  void begin(const std::string& name, std::optional<Family> family) {
    ares_options options{};
    options.flags = ARES_FLAG_STAYOPEN;
    options.timeout = kPatienceMs;
    options.tries = kTries;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
      static_cast<Impl*>(self)->watch(fd, readable != 0, writable != 0);
    };
    options.sock_state_cb_data = this;
    const int status = ares_init_options(
        &channel, &options, ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
      channel = nullptr;
      fail(status);
      return;
    }
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NOSORT;
    hints.ai_family = !family ? AF_UNSPEC : *family == Family::ipv4 ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_STREAM;
    ares_getaddrinfo(
        channel, name.c_str(), nullptr, &hints,
        [](void* self, int answer, int, ares_addrinfo* info) {
          static_cast<Impl*>(self)->answered(answer, info);
        },
        this);
    set_timer();
  }

  // Called by c-ares, perhaps with `done` gone, while the channel is destroyed.
  void answered(int status, ares_addrinfo* info) noexcept {
    if (done) {
      for (const auto* node = info == nullptr ? nullptr : info->nodes; node != nullptr;
           node = node->ai_next) {
        take(*node);
      }
      if (result.address)
        finished.schedule();
      else
        fail(status == ARES_SUCCESS ? ARES_ENODATA : status);
    }
    if (info != nullptr) ares_freeaddrinfo(info);
  }

  void take(const ares_addrinfo_node& node) noexcept {
    if (node.ai_family != AF_INET && node.ai_family != AF_INET6) return;
    const auto ip = SocketAddress::from_sockaddr(node.ai_addr).ip;
    const auto ttl = std::chrono::seconds(std::max(0, node.ai_ttl));
    const bool better =
        !result.address || (ip.family() == Family::ipv4 && result.address->family() == Family::ipv6);
    if (!better) return;
    result.address = ip;
    result.time_to_live = ttl;
  }

  void fail(int status) noexcept {
    result.error = ares_strerror(status);
    finished.schedule();
  }

  void watch(int fd, bool readable, bool writable) noexcept {
    auto& io = watched[fd];
    if (!io)
      io = std::make_unique<Io>(loop, [this, fd](int events) {
        process((events & Io::kRead) != 0 ? fd : ARES_SOCKET_BAD,
                (events & Io::kWrite) != 0 ? fd : ARES_SOCKET_BAD);
      });
    // Kept when it ends: this may be called from its own callback, and the number may come again.
    io->stop();
    const int events = (readable ? Io::kRead : 0) | (writable ? Io::kWrite : 0);
    if (events != 0) io->start(fd, events);
  }

  void process(int readable, int writable) {
    ares_process_fd(channel, readable, writable);
    set_timer();
  }

  void set_timer() {
    timeval room{};
    if (const auto* next = ares_timeout(channel, nullptr, &room)) {
      // It is cut to whole milliseconds, so that it would come too early.
      timer.start(std::chrono::seconds(next->tv_sec) + std::chrono::microseconds(next->tv_usec) +
                  std::chrono::milliseconds(1));
    } else {
      timer.stop();
    }
  }

  EventLoop& loop;
  Done done;
  LookupResult result;
  ares_channel channel = nullptr;
  std::map<int, std::unique_ptr<Io>> watched;
  Timer timer;
  Deferred finished;
};

Lookup::Lookup(EventLoop& loop, const std::string& name, std::optional<Family> family, Done done)
    : impl_(std::make_unique<Impl>(loop, std::move(done))) {
  impl_->begin(name, family);
}

Lookup::~Lookup() = default;

}  // namespace anyprobe
