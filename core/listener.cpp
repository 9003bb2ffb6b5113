#include "listener.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "log.hpp"

namespace anyprobe {
namespace {

constexpr int kBacklog = 64;
constexpr Duration kAgain = std::chrono::seconds(2);

}  // namespace

Outcome<Descriptor> listen_at(const SocketAddress& address) {
  sockaddr_storage place{};
  const auto size = address.to_sockaddr(place);
  Descriptor out(socket(place.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!out.valid() || setsockopt(out.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(out.get(), reinterpret_cast<const sockaddr*>(&place), size) != 0 ||
      ::listen(out.get(), kBacklog) != 0)
    return Error{address.to_string() + ": " + std::strerror(errno)};
  return out;
}

Listener::Listener(EventLoop& loop, std::string name, std::function<void()> changed)
    : name_(std::move(name)), changed_(std::move(changed)), again_(loop, [this] { open(); }) {}

void Listener::want(const std::optional<SocketAddress>& where) {
  if (where == where_) return;
  where_ = where;
  again_.stop();
  socket_.reset();
  problem_.clear();
  if (where_) return open();
  changed_();
}

void Listener::open() {
  auto opened = listen_at(*where_);
  if (opened) {
    socket_ = std::move(opened).value();
    log(LogLevel::info, name_ + " listens at " + where_->to_string());
    problem_.clear();
    return changed_();
  }
  again_.start(kAgain);
  const auto before = std::exchange(problem_, name_ + " cannot listen at " + opened.error());
  if (problem_ == before) return;
  log(LogLevel::error, problem_);
  changed_();
}

}  // namespace anyprobe
