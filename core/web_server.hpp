// Answers who asks by HTTP, in the prober's loop. It never blocks, and one that is slow or silent costs
// nothing but its own connection. One can only look: GET and HEAD are all it knows.
//
// Nobody says who he is, so only what comes from this host is answered: a Host or an Origin header of
// elsewhere is refused, since it is that of a browser which was led here.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "descriptor.hpp"
#include "event_loop.hpp"
#include "web_address.hpp"

namespace anyprobe {

struct WebReply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

struct WebLimits {
  std::size_t connections = 16;  // another one takes the place of the oldest that asks nothing, else of
                                 // the oldest that is no stream
  std::size_t streams = 8;       // another one is told to come back
  std::size_t queue =
      std::size_t{256} * 1024;  // of what a stream has not taken yet, in octets: more drops it
  std::size_t memory = std::size_t{16} * 1024;      // of a connection, for headers and what is being sent
  std::chrono::seconds idle{30};                    // in which nothing comes or goes
  Duration beat = std::chrono::seconds(15);         // between comments in a stream, which find who has gone
  Duration pause = std::chrono::milliseconds(200);  // where no connection can be accepted
};

class WebServer {
 public:
  explicit WebServer(EventLoop& loop, WebLimits limits = {});
  ~WebServer();
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  // Whether the program was built with it.
  static bool is_there();

  // What is said at a path ("/metrics"), made anew for each who asks, from a callback of the loop. Where it
  // throws, the connection is closed.
  void answer(std::string path, std::function<WebReply()> make);
  // A path of server-sent events (HTML, section 9.2). `first` makes what one begins with.
  void stream(std::string path, std::function<std::string()> first);
  // Who asks at that path waits, once, until `ready` says true; it goes on at release(), which has to come:
  // of that path, or of all. May be called whenever the loop runs.
  void wait_for(std::string path, std::function<bool()> ready);
  void release(std::string_view path = {});
  // To all who watch that path; `event` is as server_sent_event() makes it. Returns at once; may be called
  // whenever the loop runs, also by who makes an answer.
  void send(std::string_view path, std::string_view event);
  [[nodiscard]] std::size_t watchers(std::string_view path) const;

  // `socket` listens at `where` and does not block; it takes the place of one given earlier, whose
  // connections are closed. One that is not valid: nobody is answered any more. Not to be called by who makes
  // an answer. Empty, or what is wrong.
  std::string listen(Descriptor socket, const WebAddress& where);
  [[nodiscard]] std::size_t connections() const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

// One event; `name` is a word, and each line of `data` becomes one of it.
std::string server_sent_event(std::string_view name, std::string_view data);

}  // namespace anyprobe
