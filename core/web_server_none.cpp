#include "web_server.hpp"

namespace anyprobe {

class WebServer::Work {};

WebServer::WebServer(EventLoop& loop, WebLimits limits) {
  static_cast<void>(loop);
  static_cast<void>(limits);
}

WebServer::~WebServer() = default;

bool WebServer::is_there() {
  return false;
}

// NOLINTBEGIN(performance-unnecessary-value-param): the other of this name keeps them.
void WebServer::answer(std::string path, std::function<WebReply()> make) {
  static_cast<void>(path);
  static_cast<void>(make);
}

void WebServer::stream(std::string path, std::function<std::string()> first) {
  static_cast<void>(path);
  static_cast<void>(first);
}

void WebServer::wait_for(std::string path, std::function<bool()> ready) {
  static_cast<void>(path);
  static_cast<void>(ready);
}
// NOLINTEND(performance-unnecessary-value-param)

void WebServer::release(std::string_view /*path*/) {}

void WebServer::send(std::string_view path, std::string_view event) {
  static_cast<void>(path);
  static_cast<void>(event);
}

std::size_t WebServer::watchers(std::string_view path) const {
  static_cast<void>(path);
  return 0;
}

std::string WebServer::listen(Descriptor socket, const WebAddress& where) {
  static_cast<void>(where);
  return socket.valid() ? "built without libmicrohttpd" : "";
}

std::size_t WebServer::connections() const {
  return 0;
}

}  // namespace anyprobe
