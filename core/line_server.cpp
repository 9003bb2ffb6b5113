#include "line_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <utility>

namespace anyprobe {
namespace {

bool for_now(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

LineServer::Client::Client(LineServer& server, Descriptor socket, bool stays)
    : server_(server),
      stays_(stays),
      socket_(std::move(socket)),
      io_(server.loop_, [this](int events) { step(events); }),
      deadline_(server.loop_, [this] { server_.remove(*this); }),
      hearing_(server.loop_, [this] {
        if (!answer() || !write()) server_.remove(*this);
      }) {}

void LineServer::Client::start() {
  if (!stays_) deadline_.start(server_.limits_.patience);
  if (server_.limits_.hearing > Duration::zero()) hearing_.start(server_.limits_.hearing);
  io_.start(socket_.get(), Io::kRead);
}

void LineServer::Client::step(int events) {
  bool more = false;
  try {
    more = (events & Io::kRead) == 0 || read();
    if (more && !reply_.empty()) more = write();
  } catch (const std::exception&) {
    more = false;  // no memory for the answer: the services must not suffer for it
  }
  if (!more) server_.remove(*this);  // this is destroyed later
}

bool LineServer::Client::read() {
  std::array<char, 4096> octets{};
  const auto got = recv(socket_.get(), octets.data(), octets.size(), 0);
  if (got < 0) return for_now(errno);
  if (got == 0) return false;
  request_.append(octets.data(), static_cast<std::size_t>(got));
  const bool whole = request_.find('\n') != std::string::npos;
  return whole || request_.size() >= server_.limits_.longest ? answer() : true;
}

bool LineServer::Client::answer() {
  hearing_.stop();
  const auto line = std::string_view(request_).substr(0, request_.find('\n'));
  reply_ = server_.answer_(line.substr(0, server_.limits_.longest));
  request_ = {};
  return !reply_.empty();
}

bool LineServer::Client::write() {
  const auto rest = std::string_view(reply_).substr(written_);
  const auto put = send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (put < 0 && !for_now(errno)) return false;
  written_ += put > 0 ? static_cast<std::size_t>(put) : 0;
  const bool all = written_ == reply_.size();
  if (all && stays_) {
    reply_ = {};
    written_ = 0;
  }
  // Until it has read its answer, what else it says is not read.
  io_.start(socket_.get(), all && stays_ ? Io::kRead : Io::kWrite);
  return !all || stays_;
}

LineServer::LineServer(EventLoop& loop, Answer answer, LineLimits limits)
    : loop_(loop),
      answer_(std::move(answer)),
      limits_(limits),
      io_(loop, [this](int) { accept(); }),
      resume_(loop,
              [this] {
                keep_reserve();
                if (socket_.valid()) io_.start(socket_.get(), Io::kRead);
              }),
      bury_(loop, [this] {
        removed_.clear();
        keep_reserve();
      }) {
  keep_reserve();
}

LineServer::~LineServer() {
  io_.stop();
}

void LineServer::listen(Descriptor socket) {
  io_.stop();
  resume_.stop();
  socket_ = std::move(socket);
  if (socket_.valid()) io_.start(socket_.get(), Io::kRead);
}

void LineServer::serve(Descriptor connected) {
  while (!clients_.empty()) remove(clients_.front());
  clients_.emplace_back(*this, std::move(connected), true).start();
}

void LineServer::accept() {
  // Bounded, so that the loop gets on with its work.
  for (std::size_t i = 0; i < limits_.clients; ++i) {
    Descriptor client(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client.valid() && (errno == EMFILE || errno == ENFILE) && reserve_.valid()) {
      reserve_.reset();
      client.reset(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      const int error = errno;
      if (!client.valid()) keep_reserve();  // nobody was there: that is looked at only with a descriptor free
      errno = error;
    }
    if (!client.valid()) {
      if (errno == ECONNABORTED) continue;
      if (for_now(errno)) return;
      // It stays readable, and would be told of again and again.
      io_.stop();
      return resume_.start(limits_.pause);
    }
    if (clients_.size() >= limits_.clients) remove(clients_.front());
    clients_.emplace_back(*this, std::move(client)).start();
  }
}

void LineServer::keep_reserve() {
  if (!reserve_.valid()) reserve_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void LineServer::remove(Client& client) {
  const auto at =
      std::find_if(clients_.begin(), clients_.end(), [&](const auto& c) { return &c == &client; });
  if (at == clients_.end()) return;
  removed_.splice(removed_.end(), clients_, at);
  bury_.schedule();
}

}  // namespace anyprobe
