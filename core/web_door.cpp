#include "web_door.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "listener.hpp"
#include "log.hpp"

namespace anyprobe {
namespace {

Error failed(const WebAddress& where, int error) {
  return Error{where.to_string() + ": " + std::strerror(error)};
}

// Somebody else's that works is not taken away; of a dead one only the file is left.
bool answers(const SocketFile& file) {
  const Descriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return client.valid() &&
         (connect(client.get(), file.address(), SocketFile::size()) == 0 || errno == EAGAIN);
}

Outcome<std::unique_ptr<ControlSocket>> listen_in_file(const WebAddress& where) {
  const auto slash = where.path.rfind('/');
  const auto folder = slash == 0 ? "/" : where.path.substr(0, slash);
  const auto name = where.path.substr(slash + 1);
  const auto file = SocketFile::at(folder, name);
  if (!file) return Error{file.error()};
  if (answers(*file)) return failed(where, EADDRINUSE);
  return ControlSocket::open_file(folder, name);
}

}  // namespace

WebDoor::WebDoor(EventLoop& loop, std::function<void()> changed, Duration retry)
    : changed_(std::move(changed)), retry_(retry), again_(loop, [this] { open(); }) {}

void WebDoor::want(const std::optional<WebAddress>& where) {
  if (where.has_value() == wanted_ && where.value_or(where_) == where_) return;
  again_.stop();
  wanted_ = where.has_value();
  where_ = where.value_or(WebAddress());
  socket_.reset();
  file_.reset();
  problem_.clear();
  if (wanted_) return open();
  changed_();
}

void WebDoor::open() {
  std::string wrong;
  if (where_.is_path()) {
    auto opened = listen_in_file(where_);
    if (opened)
      file_ = std::move(opened).value();
    else
      wrong = opened.error();
  } else {
    auto opened = listen_at(where_.at);
    if (opened)
      socket_ = std::move(opened).value();
    else
      wrong = opened.error();
  }
  if (!wrong.empty()) {
    wrong = "no metrics can be asked: " + wrong;
    again_.start(retry_);
  }
  if (wrong == problem_ && !wrong.empty()) return;
  if (!wrong.empty()) log(LogLevel::warning, wrong);
  if (wrong.empty() && !problem_.empty())
    log(LogLevel::info, "metrics can be asked at " + where_.to_string());
  problem_ = std::move(wrong);
  changed_();
}

}  // namespace anyprobe
