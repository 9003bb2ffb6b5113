#include "keeper_client.hpp"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace anyprobe {
namespace {

std::string read_all(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || status.st_size <= 0) return {};
  std::string out(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const auto got = pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

}  // namespace

KeeperClient::KeeperClient(EventLoop& loop, int fd, Handlers handlers)
    : fd_(fd), handlers_(std::move(handlers)), io_(loop, [this](int) { receive_one(); }) {
  io_.start(fd_, Io::kRead);
}

KeeperClient::~KeeperClient() {
  io_.stop();
  close(fd_);
}

void KeeperClient::want(const std::vector<bool>& wanted) {
  send({MessageType::want, generation_, ++serial_, pack_flags(wanted)});
}

bool KeeperClient::settle(Duration patience) {
  const auto deadline = Clock::now() + patience;
  while (!gone_ && applied_ != serial_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{fd_, POLLIN, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return false;
    if (ready > 0 && !receive_one()) return false;
  }
  return !gone_;
}

void KeeperClient::request_reload() {
  send({MessageType::reload, generation_, 0, {}});
}

void KeeperClient::send(const Message& message) {
  if (gone_) return;
  const auto packet = encode(message);
  while (::send(fd_, packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    return gone();
  }
}

void KeeperClient::gone() {
  if (std::exchange(gone_, true)) return;
  io_.stop();
  handlers_.on_keeper_gone();
}

bool KeeperClient::receive_one() {
  std::string packet(kLargestMessage, '\0');
  iovec part{packet.data(), packet.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  const auto got = recvmsg(fd_, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (got <= 0) {
    gone();
    return false;
  }
  packet.resize(static_cast<std::size_t>(got));
  int fd = -1;
  if (const auto* c = CMSG_FIRSTHDR(&header);
      c != nullptr && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
    std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
  }
  if (const auto message = decode(packet)) {
    if (message->type == MessageType::applied && message->generation == generation_)
      applied_ = message->serial;
    if (message->type == MessageType::configuration && fd >= 0) take_configuration(*message, fd);
  }
  if (fd >= 0) close(fd);
  return true;
}

void KeeperClient::take_configuration(const Message& message, int fd) {
  const auto files = unpack_files(read_all(fd));
  Answer answer;
  if (files)
    answer = handlers_.on_configuration(*files);
  else
    answer.refusal.lines.push_back(files.error());
  if (!answer.refusal.lines.empty()) {
    send({MessageType::refuse, message.generation, 0, pack_refusal(answer.refusal)});
    return;
  }
  generation_ = message.generation;
  send({MessageType::accept, generation_, ++serial_, pack_flags(answer.wanted)});
}

}  // namespace anyprobe
