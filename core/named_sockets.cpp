#include "named_sockets.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace anyprobe {
namespace {

constexpr int kBacklog = 64;

// In the order of SocketName.
constexpr std::array<SocketKind, kSocketNames.size()> kKinds = {{
    {"no metrics can be asked: ", "metrics can be asked at ", LogLevel::warning, false,
     std::chrono::seconds(5)},
    {"the agent cannot listen at ", "the agent listens at "},
}};

// Somebody else's that works is not taken away; of a dead one only the file is left.
bool answers(const SocketFile& file) {
  const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return client.valid() &&
         (connect(client.get(), file.address(), SocketFile::size()) == 0 || errno == EAGAIN);
}

Outcome<std::unique_ptr<ControlSocket>> listen_in_file(const std::string& path) {
  const auto slash = path.rfind('/');
  const auto folder = slash == 0 ? "/" : path.substr(0, slash);
  const auto name = path.substr(slash + 1);
  const auto file = SocketFile::at(folder, name);
  if (!file) return Error{file.error()};
  if (answers(*file)) return Error{path + ": " + std::strerror(EADDRINUSE)};
  return ControlSocket::open_file(folder, name);
}

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

NamedSocket::NamedSocket(EventLoop& loop, const SocketKind& kind, std::function<void()> changed)
    : kind_(kind), changed_(std::move(changed)), again_(loop, [this] { open(); }) {}

void NamedSocket::want(const std::optional<WebAddress>& where) {
  if (where == where_) return;
  where_ = where;
  again_.stop();
  socket_.reset();
  file_.reset();
  problem_.clear();
  if (where_) return open();
  changed_();
}

// Empty, or why not.
std::string NamedSocket::listen() {
  if (where_->is_path()) {
    auto opened = listen_in_file(where_->path);
    if (!opened) return opened.error();
    file_ = std::move(opened).value();
  } else {
    auto opened = listen_at(where_->at);
    if (!opened) return opened.error();
    socket_ = std::move(opened).value();
  }
  return {};
}

void NamedSocket::open() {
  auto wrong = listen();
  if (!wrong.empty()) {
    wrong.insert(0, kind_.failed);
    again_.start(kind_.retry);
    if (wrong == problem_) return;
    log(kind_.failure, wrong);
  } else if (kind_.tells_always || !problem_.empty()) {
    log(LogLevel::info, kind_.open + where_->to_string());
  }
  problem_ = std::move(wrong);
  changed_();
}

NamedSockets::NamedSockets(EventLoop& loop, const std::function<void(SocketName name)>& changed) {
  for (const auto name : kSocketNames) {
    const auto i = static_cast<std::size_t>(name);
    all_[i] = std::make_unique<NamedSocket>(loop, kKinds[i], [changed, name] { changed(name); });
  }
}

void NamedSockets::want(const SocketPlaces& places) {
  for (std::size_t i = 0; i < places.size(); ++i) all_[i]->want(places[i]);
}

std::vector<std::string> NamedSockets::problems() const {
  std::vector<std::string> out;
  for (const auto& one : all_) {
    if (!one->problem().empty()) out.push_back(one->problem());
  }
  return out;
}

}  // namespace anyprobe
