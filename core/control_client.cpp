#include "control_client.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "daemon_process.hpp"

namespace anyprobe {

using End = ControlAnswer::End;

ControlQuestion::ControlQuestion(EventLoop& loop, std::string run_dir, std::string instance,
                                 const ControlRequest& request, const ControlPatience& patience,
                                 std::function<void()> done)
    : run_dir_(std::move(run_dir)),
      request_(encode(request)),
      patience_(patience),
      done_(std::move(done)),
      io_(loop, [this](int) { read(); }),
      tick_(loop, [this] { tick(); }),
      finish_(loop, [this] { done_(); }) {
  answer_.instance = std::move(instance);
  auto place = SocketFile::at(run_dir_, answer_.instance + ".sock");
  if (place) {
    place_.emplace(std::move(place).value());
    connect();
  } else {
    end(End::failed, place.error());
  }
  if (!ended_) tick_.start(patience_.look);
}

void ControlQuestion::connect() {
  socket_.reset(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_.valid()) return end(End::failed, std::strerror(errno));
  if (::connect(socket_.get(), place_->address(), SocketFile::size()) != 0) return unconnected(errno);
  // A request is shorter than any buffer.
  if (send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL) < 0) return end(End::cut);
  connected_ = true;
  io_.start(socket_.get(), Io::kRead);
}

void ControlQuestion::unconnected(int error) {
  switch (error) {
    case EAGAIN:  // too many wait already; it is tried again
      return socket_.reset();
    case ENOENT:
      return end(End::vanished);
    case ECONNREFUSED:
      return end(End::dead);
    case EACCES:
    case EPERM:
      return end(End::forbidden);
    default:
      return end(End::failed, std::strerror(error));
  }
}

void ControlQuestion::read() {
  std::array<char, 65536> octets;
  const auto got = recv(socket_.get(), octets.data(), octets.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return end(End::cut, reader_.begun() ? "in the middle" : "");
  heard_ = Clock::now();
  std::string_view piece(octets.data(), static_cast<std::size_t>(got));
  const auto state = reader_.take(piece);
  if (state == ReplyReader::State::nonsense || !piece.empty()) return end(End::nonsense);
  if (state != ReplyReader::State::whole) return;
  auto reply = reader_.next();
  end(reply.ok ? End::answered : End::refused, std::move(reply.body));
}

void ControlQuestion::tick() {
  if (connected_)
    read();  // what has come counts for more than what is seen of the process
  else
    connect();
  if (!ended_ && !reader_.begun()) look();
  if (!ended_ && Clock::now() - heard_ >= patience_.silence) give_up();
  if (!ended_) tick_.start(patience_.look);
}

void ControlQuestion::look() {
  answer_.pid = read_pid_file(run_dir_ + "/" + answer_.instance + ".pid");
  const auto state = answer_.pid ? process_state(*answer_.pid) : ProcessState::gone;
  if (state == ProcessState::stopped) return end(End::suspended);
  if (state != ProcessState::gone) return;
  const auto keeper = listener();
  if (keeper && process_state(*keeper) == ProcessState::stopped) {
    answer_.pid = keeper;
    end(End::suspended);
  }
}

void ControlQuestion::give_up() {
  const bool gone = answer_.pid && process_state(*answer_.pid) == ProcessState::gone;
  end(gone && !reader_.begun() ? End::headless : End::hangs);
}

// Whoever made the socket, which is the keeper.
std::optional<pid_t> ControlQuestion::listener() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool known = connected_ && getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  return known && peer.pid > 0 ? std::optional(peer.pid) : std::nullopt;
}

void ControlQuestion::end(End how, std::string text) {
  if (std::exchange(ended_, true)) return;
  io_.stop();
  tick_.stop();
  answer_.end = how;
  answer_.text = std::move(text);
  finish_.schedule();
}

std::vector<ControlAnswer> ask_instances(const std::string& run_dir,
                                         const std::vector<std::string>& instances,
                                         const ControlRequest& request, ControlPatience patience) {
  EventLoop loop;
  std::size_t missing = instances.size();
  std::vector<std::unique_ptr<ControlQuestion>> questions;
  questions.reserve(missing);
  for (const auto& instance : instances) {
    questions.push_back(std::make_unique<ControlQuestion>(loop, run_dir, instance, request, patience, [&] {
      if (--missing == 0) loop.stop();
    }));
  }
  if (missing > 0) loop.run();
  std::vector<ControlAnswer> answers;
  answers.reserve(questions.size());
  for (const auto& question : questions) answers.push_back(question->answer());
  return answers;
}

}  // namespace anyprobe
