#include "probes/local_message.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace anyprobe {

LocalMessage::LocalMessage(EventLoop& loop, std::string path, Done done)
    : path_(std::move(path)), done_(std::move(done)), io_(loop, [this](int) { write(); }) {}

LocalMessage::~LocalMessage() {
  close();
}

void LocalMessage::send(std::string message) {
  unsent_ = std::move(message);
  int error = connect(SOCK_DGRAM);
  if (error == EPROTOTYPE) {
    close();
    stream_ = true;
    unsent_ += '\0';
    error = connect(SOCK_STREAM);
  }
  if (fd_ < 0) {
    finish("socket", error);
  } else if (error == 0) {
    write();
  } else if (error != EAGAIN) {  // else its queue of connections is full, and will be for this round
    finish("connect", error);
  }
}

// Leaves the socket in fd_ and returns what is wrong with it.
int LocalMessage::connect(int type) {
  fd_ = ::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, kLocalPathMost);
  return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

void LocalMessage::write() {
  while (!unsent_.empty()) {
    const ssize_t sent = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      io_.start(fd_, Io::kWrite);
      return;
    }
    if (sent < 0) {
      finish("send", errno);
      return;
    }
    unsent_.erase(0, static_cast<std::size_t>(sent));
  }
  finish(nullptr, 0);
}

void LocalMessage::finish(const char* call, int error) {
  close();
  done_(call, error);
}

void LocalMessage::close() {
  io_.stop();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

}  // namespace anyprobe
