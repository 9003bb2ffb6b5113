#include "web_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <list>
#include <map>
#include <utility>

#include "web_reply.hpp"

namespace anyprobe {
namespace {

bool for_now(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

// libmicrohttpd, driven by our loop. Connections are accepted here, since it would go round in circles where
// there are no descriptors left, and would let those who say nothing keep others out.
class WebServer::Work {
 public:
  Work(EventLoop& loop, WebLimits limits)
      : limits_(limits),
        accepts_(loop, [this](int) { accept(); }),
        resume_(loop, [this] { resume_accepting(); }),
        io_(loop, [this](int) { run(); }),
        due_(loop, [this] { run(); }),
        soon_(loop, [this] { run(); }),
        beat_(loop, [this] { beat(); }) {
    keep_reserve();
  }
  ~Work() { close_all(); }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;

  std::map<std::string, std::function<WebReply()>, std::less<>> answers;
  std::map<std::string, std::function<std::string()>, std::less<>> beginnings;
  std::map<std::string, std::function<bool()>, std::less<>> conditions;

  std::string listen(Descriptor socket, const WebAddress& where);
  void send(std::string_view path, std::string_view event);
  void release(std::string_view path);
  [[nodiscard]] std::size_t watchers(std::string_view path) const {
    return static_cast<std::size_t>(std::count_if(streams_.begin(), streams_.end(), [&](const Stream* each) {
      return each->path == path && !each->dropped;
    }));
  }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

 private:
  struct Connection {
    MHD_Connection* is = nullptr;
    int socket = -1;
    bool asks = false;  // its request line has come, and it has not got all of the answer
    bool streams = false;
    bool shut = false;
    bool waits = false;
    std::string waits_at{};
  };
  // Belongs to the response that reads it, which frees it.
  struct Stream {
    Work& server;
    Connection& connection;
    std::string path;
    std::string waiting;
    bool asleep = false;
    bool dropped = false;
  };

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* /*version*/, const char* /*upload*/, std::size_t* uploaded,
                               void** seen) {
    if (*seen == nullptr) {
      *seen = self;  // its headers alone have come
      return MHD_YES;
    }
    if (*uploaded > 0) {
      *uploaded = 0;
      return MHD_YES;
    }
    try {
      return static_cast<Work*>(self)->reply(connection, url, method, seen);
    } catch (const std::exception&) {
      return MHD_NO;  // no memory for the answer: the services must not suffer for it
    }
  }
  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode what);
  static void* on_request_line(void* /*self*/, const char* /*line*/, MHD_Connection* connection) {
    note_asking(connection, true);
    return nullptr;
  }
  static void on_answered(void* /*self*/, MHD_Connection* connection, void** /*seen*/,
                          MHD_RequestTerminationCode /*how*/) {
    note_asking(connection, false);
  }
  static void note_asking(MHD_Connection* connection, bool asks);
  static bool is_idle(const Connection& connection);
  static ssize_t read_stream(void* stream, std::uint64_t at, char* to, std::size_t room);
  static void free_stream(void* stream);

  MHD_Result reply(MHD_Connection* connection, std::string_view path, std::string_view method, void** seen);
  bool waits(MHD_Connection* connection, std::string_view path);
  void go_on(Connection& connection);
  MHD_Result begin_stream(MHD_Connection* connection, std::string_view path, std::string first);
  void wake(Stream& stream);
  void put(Stream& stream, std::string_view text);
  void beat();
  void accept();
  void make_room();
  void keep_reserve();
  void resume_accepting();
  void shut(Connection& connection);
  void run();
  void close_all();

  const WebLimits limits_;
  WebAddress where_;
  MHD_Daemon* daemon_ = nullptr;
  Descriptor reserve_;  // given up for a connection where there are no descriptors any more
  Descriptor socket_;
  std::list<Connection> connections_;  // the oldest first
  std::list<Stream*> streams_;
  Io accepts_;
  Timer resume_;
  Io io_;
  Timer due_;
  Deferred soon_;
  Timer beat_;
};

std::string WebServer::Work::listen(Descriptor socket, const WebAddress& where) {
  close_all();
  socket_ = std::move(socket);
  where_ = where;
  if (!socket_.valid()) return {};
  const auto most = static_cast<unsigned int>(2 * limits_.connections);  // those that are being closed count
  daemon_ =
      MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr,
                       nullptr, on_request, this, MHD_OPTION_CONNECTION_LIMIT, most,
                       MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned int>(limits_.idle.count()),
                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits_.memory, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                       MHD_OPTION_NOTIFY_CONNECTION, on_connection, this, MHD_OPTION_URI_LOG_CALLBACK,
                       on_request_line, this, MHD_OPTION_NOTIFY_COMPLETED, on_answered, this, MHD_OPTION_END);
  const auto* info = daemon_ == nullptr ? nullptr : MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == nullptr) {
    const std::string why = std::strerror(errno);
    close_all();
    return "no HTTP can be spoken: " + why;
  }
  io_.start(info->epoll_fd, Io::kRead);
  accepts_.start(socket_.get(), Io::kRead);
  return {};
}

void WebServer::Work::close_all() {
  accepts_.stop();
  resume_.stop();
  io_.stop();
  due_.stop();
  soon_.cancel();
  beat_.stop();
  socket_.reset();
  if (daemon_ == nullptr) return;
  for (auto* stream : streams_) {
    stream->dropped = true;
    wake(*stream);
  }
  release({});
  soon_.cancel();
  MHD_stop_daemon(std::exchange(daemon_, nullptr));  // frees connections and streams
}

void WebServer::Work::run() {
  MHD_run(daemon_);
  MHD_UNSIGNED_LONG_LONG ms = 0;
  if (MHD_get_timeout(daemon_, &ms) == MHD_YES)
    due_.start(std::chrono::milliseconds(std::min<MHD_UNSIGNED_LONG_LONG>(ms, 60'000)));
  else
    due_.stop();
}

void WebServer::Work::accept() {
  // Bounded, so that the loop gets on with its work.
  for (std::size_t i = 0; i < limits_.connections; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const auto take = [&] {
      return accept4(socket_.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    };
    Descriptor client(take());
    if (!client.valid() && (errno == EMFILE || errno == ENFILE) && reserve_.valid()) {
      reserve_.reset();
      client.reset(take());
      const int error = errno;
      if (!client.valid()) keep_reserve();
      errno = error;
    }
    if (!client.valid()) {
      if (errno == ECONNABORTED) continue;
      if (for_now(errno)) break;
      // It stays readable, and would be told of again and again.
      accepts_.stop();
      resume_.start(limits_.pause);
      break;
    }
    make_room();
    MHD_add_connection(daemon_, client.release(), reinterpret_cast<const sockaddr*>(&from), size);
  }
  run();
}

void WebServer::Work::make_room() {
  const auto open = [](const Connection& each) { return !each.shut; };
  const auto count = std::count_if(connections_.begin(), connections_.end(), open);
  if (static_cast<std::size_t>(count) < limits_.connections) return;
  const auto may_go = [](const Connection& each) { return !each.shut && !each.streams; };
  auto goes = std::find_if(connections_.begin(), connections_.end(),
                           [&](const Connection& each) { return may_go(each) && is_idle(each); });
  if (goes == connections_.end()) goes = std::find_if(connections_.begin(), connections_.end(), may_go);
  if (goes != connections_.end()) shut(*goes);
}

// What it sent may wait to be read.
bool WebServer::Work::is_idle(const Connection& connection) {
  char octet = 0;
  return !connection.asks && recv(connection.socket, &octet, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

void WebServer::Work::note_asking(MHD_Connection* connection, bool asks) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  if (info != nullptr && info->socket_context != nullptr)
    static_cast<Connection*>(info->socket_context)->asks = asks;
}

void WebServer::Work::shut(Connection& connection) {
  connection.shut = true;
  ::shutdown(connection.socket, SHUT_RDWR);
  go_on(connection);
}

void WebServer::Work::keep_reserve() {
  if (!reserve_.valid()) reserve_.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

void WebServer::Work::resume_accepting() {
  keep_reserve();
  if (socket_.valid()) accepts_.start(socket_.get(), Io::kRead);
}

void WebServer::Work::on_connection(void* self, MHD_Connection* connection, void** context,
                                    MHD_ConnectionNotificationCode what) {
  auto& work = *static_cast<Work*>(self);
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    work.connections_.push_back({connection, info == nullptr ? -1 : info->connect_fd});
    *context = &work.connections_.back();
    return;
  }
  work.connections_.remove_if([&](const Connection& each) { return each.is == connection; });
  work.keep_reserve();
}

// Nothing is told yet: once it goes on, on_request() is called again.
bool WebServer::Work::waits(MHD_Connection* connection, std::string_view path) {
  const auto ready = conditions.find(path);
  if (ready == conditions.end() || ready->second()) return false;
  const auto own = std::find_if(connections_.begin(), connections_.end(),
                                [&](const Connection& each) { return each.is == connection; });
  if (own == connections_.end() || own->shut) return false;
  own->waits = true;
  own->waits_at = path;
  MHD_suspend_connection(connection);
  return true;
}

void WebServer::Work::go_on(Connection& connection) {
  if (!std::exchange(connection.waits, false)) return;
  MHD_resume_connection(connection.is);
  soon_.schedule();
}

void WebServer::Work::release(std::string_view path) {
  for (auto& each : connections_) {
    if (path.empty() || each.waits_at == path) go_on(each);
  }
}

MHD_Result WebServer::Work::reply(MHD_Connection* connection, std::string_view path, std::string_view method,
                                  void** seen) {
  const auto host = header_of(connection, "Host");
  if (host.times != 1 || !names_this_host(host.value, where_))
    return refuse(connection, 403, "only this host is answered, by its own name");
  const auto origin = header_of(connection, "Origin");
  if (origin.times > 0 && (origin.times > 1 || !is_own_origin(origin.value, host.value)))
    return refuse(connection, 403, "pages of elsewhere are not answered");
  const auto answer = answers.find(path);
  const auto beginning = beginnings.find(path);
  const bool streams = answer == answers.end() && beginning != beginnings.end();
  if (answer == answers.end() && !streams) return refuse(connection, 404, "there is nothing here");
  if (method != "GET" && (method != "HEAD" || streams))
    return refuse(connection, 405, "one can only look", {{"Allow", streams ? "GET" : "GET, HEAD"}});
  if (std::exchange(*seen, &conditions) != &conditions && waits(connection, path)) return MHD_YES;
  return streams ? begin_stream(connection, path, beginning->second()) : queue(connection, answer->second());
}

MHD_Result WebServer::Work::begin_stream(MHD_Connection* connection, std::string_view path,
                                         std::string first) {
  if (streams_.size() >= limits_.streams)
    return refuse(connection, 503, "too many are watching", {{"Retry-After", "10"}});
  const auto own = std::find_if(connections_.begin(), connections_.end(),
                                [&](const Connection& each) { return each.is == connection; });
  if (own == connections_.end()) return MHD_NO;
  auto stream = std::unique_ptr<Stream>(new Stream{*this, *own, std::string(path), std::move(first)});
  auto* response =
      MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kWebBlock, read_stream, stream.get(), free_stream);
  if (response == nullptr) return MHD_NO;
  own->streams = true;
  streams_.push_back(stream.release());
  if (!beat_.active()) beat_.start(limits_.beat);
  return queue(connection, 200, response, {{"Content-Type", "text/event-stream"}});
}

ssize_t WebServer::Work::read_stream(void* stream, std::uint64_t /*at*/, char* to, std::size_t room) {
  auto& from = *static_cast<Stream*>(stream);
  if (from.dropped) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (from.waiting.empty()) {
    from.asleep = true;
    MHD_suspend_connection(from.connection.is);
    return 0;
  }
  const auto count = from.waiting.copy(to, room);
  from.waiting.erase(0, count);
  return static_cast<ssize_t>(count);
}

void WebServer::Work::free_stream(void* stream) {
  const std::unique_ptr<Stream> freed(static_cast<Stream*>(stream));
  freed->server.streams_.remove(freed.get());
}

void WebServer::Work::wake(Stream& stream) {
  if (!std::exchange(stream.asleep, false)) return;
  MHD_resume_connection(stream.connection.is);
  soon_.schedule();
}

void WebServer::Work::put(Stream& stream, std::string_view text) {
  if (stream.dropped) return;
  if (stream.waiting.size() + text.size() > limits_.queue) {
    stream.dropped = true;
    stream.waiting = {};
    shut(stream.connection);
  } else {
    stream.waiting += text;
  }
  wake(stream);
}

void WebServer::Work::send(std::string_view path, std::string_view event) {
  for (auto* stream : streams_) {
    if (stream->path == path) put(*stream, event);
  }
}

void WebServer::Work::beat() {
  for (auto* stream : streams_) put(*stream, ":\n\n");
  if (!streams_.empty()) beat_.start(limits_.beat);
}

WebServer::WebServer(EventLoop& loop, WebLimits limits) : work_(std::make_unique<Work>(loop, limits)) {}

WebServer::~WebServer() = default;

bool WebServer::is_there() {
  return true;
}

void WebServer::answer(std::string path, std::function<WebReply()> make) {
  work_->answers.insert_or_assign(std::move(path), std::move(make));
}

void WebServer::stream(std::string path, std::function<std::string()> first) {
  work_->beginnings.insert_or_assign(std::move(path), std::move(first));
}

void WebServer::wait_for(std::string path, std::function<bool()> ready) {
  work_->conditions.insert_or_assign(std::move(path), std::move(ready));
}

void WebServer::release(std::string_view path) {
  work_->release(path);
}

void WebServer::send(std::string_view path, std::string_view event) {
  work_->send(path, event);
}

std::size_t WebServer::watchers(std::string_view path) const {
  return work_->watchers(path);
}

std::string WebServer::listen(Descriptor socket, const WebAddress& where) {
  return work_->listen(std::move(socket), where);
}

std::size_t WebServer::connections() const {
  return work_->connections();
}

}  // namespace anyprobe
