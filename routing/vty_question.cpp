#include "vty_question.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/packet_socket.hpp"
#include "socket_owner.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kZerosAtEnd = 3;
constexpr const char* kEnable = "enable";

}  // namespace

VtyQuestion::VtyQuestion(EventLoop& loop, Done done)
    : done_(std::move(done)),
      io_(loop, [this](int) { read(); }),
      deadline_(loop, [this] { finish(FrrAnswer::End::failed, "does not answer in time"); }),
      begin_(loop, [this] { begin(); }) {}

VtyQuestion::~VtyQuestion() {
  cancel();
}

void VtyQuestion::ask(const std::string& path, std::vector<std::string> commands, const Bounds& bounds) {
  cancel();
  path_ = path;
  commands_ = std::move(commands);
  bounds_ = bounds;
  begin_.schedule();
}

void VtyQuestion::cancel() {
  begin_.cancel();
  deadline_.stop();
  io_.stop();
  socket_.reset();
  file_.reset();
  next_ = zeros_ = kept_ = 0;
  enabled_ = false;
}

void VtyQuestion::begin() {
  struct stat file {};
  if (stat(path_.c_str(), &file) != 0)
    return finish(errno == ENOENT || errno == ENOTDIR ? FrrAnswer::End::absent : FrrAnswer::End::failed,
                  std::strerror(errno));
  if (const auto foreign = why_foreign(path_); !foreign.empty()) {
    path_.clear();  // it is named there
    return finish(FrrAnswer::End::failed, foreign);
  }
  sockaddr_un address{AF_UNIX, {}};
  if (path_.copy(address.sun_path, sizeof address.sun_path - 1) < path_.size())
    return finish(FrrAnswer::End::failed, "is too long for the path of a socket");
  socket_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  file_.reset(memfd_create("anyprobe-vty", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!socket_.valid() || !file_.valid()) return finish(FrrAnswer::End::failed, std::strerror(errno));
  // Where nobody accepts, the queue is full some time, and then it says so at once.
  if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return finish(FrrAnswer::End::failed, std::strerror(errno));
  if (!say(kEnable)) return;
  io_.start(socket_.get(), Io::kRead);
  deadline_.start(bounds_.time);
}

bool VtyQuestion::say(const std::string& command) {
  // With the NUL. It is short: what does not fit now is nothing that a daemon in order leaves unread.
  const auto size = command.size() + 1;
  if (send(socket_.get(), command.c_str(), size, MSG_NOSIGNAL) == static_cast<ssize_t>(size)) return true;
  finish(FrrAnswer::End::failed, "reads nothing");
  return false;
}

void VtyQuestion::read() {
  char buffer[65536];
  const auto got = recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return finish(FrrAnswer::End::failed, std::strerror(errno));
  if (got == 0) return finish(FrrAnswer::End::failed, "hangs up in the middle of its answer");
  std::string_view octets(buffer, static_cast<std::size_t>(got));
  while (!octets.empty()) {
    // Up to the end of a reply, or all there is.
    std::size_t used = 0;
    bool over = false;
    while (used < octets.size() && !over) {
      over = zeros_ == kZerosAtEnd;
      if (!over) zeros_ = octets[used] == '\0' ? zeros_ + 1 : 0;
      ++used;
    }
    if (enabled_ && !keep(octets.substr(0, used))) return;
    const char last = octets[used - 1];
    octets.remove_prefix(used);
    if (!over) continue;
    zeros_ = 0;
    if (!std::exchange(enabled_, true) && last != '\0')
      return finish(FrrAnswer::End::failed, "refuses to be asked");
    if (!octets.empty()) return finish(FrrAnswer::End::failed, "says more than it was asked");
    if (next_ == commands_.size()) return finish(FrrAnswer::End::answered);
    if (!say(commands_[next_++])) return;
  }
}

bool VtyQuestion::keep(std::string_view octets) {
  kept_ += octets.size();
  if (kept_ > bounds_.octets) {
    finish(FrrAnswer::End::failed, "says more than " + std::to_string(bounds_.octets) + " octets");
    return false;
  }
  if (append_to_file(file_.get(), octets)) return true;
  finish(FrrAnswer::End::failed, std::strerror(errno));
  return false;
}

void VtyQuestion::finish(FrrAnswer::End end, const std::string& why) {
  auto replies = std::move(file_);
  auto what = path_.empty() || why.empty() ? why : path_ + ": " + why;
  cancel();
  if (end != FrrAnswer::End::answered) {
    replies.reset();
  } else if (fcntl(replies.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
             0) {
    end = FrrAnswer::End::failed;
    what = std::string("an answer cannot be sealed: ") + std::strerror(errno);
    replies.reset();
  }
  done_({end, std::move(what)}, std::move(replies));
}

}  // namespace anyprobe
