// The listening sockets that the configuration names. The keeper opens them, since a low port and a file of
// the run-dir take privilege, and the prober answers.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control_socket.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"
#include "log.hpp"
#include "outcome.hpp"
#include "web_address.hpp"

namespace anyprobe {

// In messages by its number.
enum class SocketName : std::uint8_t {
  metrics,  // these and the page are asked by HTTP
  agent,    // HAProxy's agent-check
};
inline constexpr std::array kSocketNames = {SocketName::metrics, SocketName::agent};

// Where each listens; nothing: nowhere.
using SocketPlaces = std::array<std::optional<WebAddress>, kSocketNames.size()>;

struct OpenedSocket {
  int fd = -1;  // listens and does not block; -1: there is none
  std::string where;
};

// What is said of one, and how often it is tried again.
struct SocketKind {
  const char* failed;  // before the reason
  const char* open;    // before where
  LogLevel failure = LogLevel::error;
  bool tells_always = true;  // that it is open; otherwise only where it could not be opened before
  Duration retry = std::chrono::seconds(2);
};

// It does not block. An IPv6 wildcard takes IPv4 too, where the system has it so.
Outcome<Descriptor> listen_at(const SocketAddress& address);

class NamedSocket {
 public:
  // `changed`: there is another socket, or none any more, or another problem. Called from a callback of the
  // loop, and by want().
  NamedSocket(EventLoop& loop, const SocketKind& kind, std::function<void()> changed);
  NamedSocket(const NamedSocket&) = delete;
  NamedSocket& operator=(const NamedSocket&) = delete;

  // From now on there, or nowhere; the same as before: nothing happens. What cannot be opened is tried again
  // and again, and is a problem until then: what is announced does not depend on it.
  void want(const std::optional<WebAddress>& where);

  [[nodiscard]] int get() const { return file_ ? file_->get() : socket_.get(); }
  [[nodiscard]] OpenedSocket opened() const { return {get(), where_ ? where_->to_string() : ""}; }
  [[nodiscard]] const std::string& problem() const { return problem_; }  // one line, or empty

 private:
  void open();
  std::string listen();

  const SocketKind kind_;
  const std::function<void()> changed_;
  std::optional<WebAddress> where_;
  Descriptor socket_;
  std::unique_ptr<ControlSocket> file_;
  std::string problem_;
  Timer again_;
};

// One of each name.
class NamedSockets {
 public:
  NamedSockets(EventLoop& loop, const std::function<void(SocketName name)>& changed);

  void want(const SocketPlaces& places);
  [[nodiscard]] OpenedSocket opened(SocketName name) const {
    return all_[static_cast<std::size_t>(name)]->opened();
  }
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  std::array<std::unique_ptr<NamedSocket>, kSocketNames.size()> all_;
};

}  // namespace anyprobe
