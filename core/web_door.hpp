// The socket that metrics are asked by, as the configuration wants it. The keeper opens it, since a low port
// and a file of the run-dir take privilege, and the prober answers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control_socket.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"
#include "outcome.hpp"
#include "web_address.hpp"

namespace anyprobe {

class WebDoor {
 public:
  // `changed`: there is another socket, or none any more, or another problem.
  WebDoor(EventLoop& loop, std::function<void()> changed, Duration retry = std::chrono::seconds(5));

  // Nothing: no socket. What is open already stays. What cannot be opened is tried again and again, and is a
  // problem until then: what is announced does not depend on it.
  void want(const std::optional<WebAddress>& where);

  // Listens and does not block; -1: there is none.
  [[nodiscard]] int socket() const { return file_ ? file_->get() : socket_.get(); }
  [[nodiscard]] const WebAddress& where() const { return where_; }
  [[nodiscard]] const std::string& problem() const { return problem_; }  // one line, or empty

 private:
  void open();

  const std::function<void()> changed_;
  const Duration retry_;
  bool wanted_ = false;
  WebAddress where_;
  Descriptor socket_;
  std::unique_ptr<ControlSocket> file_;
  std::string problem_;
  Timer again_;
};

}  // namespace anyprobe
