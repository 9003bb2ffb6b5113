// Answers who asks over the control socket, in the prober's loop. It never blocks, and one that is slow or
// silent costs nothing but its own connection.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "control_message.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"

namespace anyprobe {

struct ControlLimits {
  std::size_t clients = 16;                         // another one takes the place of the oldest
  Duration patience = std::chrono::seconds(5);      // from its connection until it has read its answer
  Duration pause = std::chrono::milliseconds(200);  // where none can be accepted
};

class ControlServer {
 public:
  // Called from a callback of the loop.
  using Answer = std::function<ControlReply(const ControlRequest& request)>;

  ControlServer(EventLoop& loop, Answer answer, ControlLimits limits = {});
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // `socket` listens and does not block; it takes the place of one given earlier.
  void listen(Descriptor socket);
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }

 private:
  class Client {
   public:
    Client(ControlServer& server, Descriptor socket);

    // Both return whether there is more to come. A client is removed by the server alone.
    [[nodiscard]] bool read();
    [[nodiscard]] bool write();
    void start();

   private:
    void step(int events);
    void answer(ControlReply reply);

    ControlServer& server_;
    Descriptor socket_;
    std::string request_;
    std::string reply_;
    std::size_t written_ = 0;
    Io io_;
    Timer deadline_;
  };

  void accept();
  void keep_reserve();
  void remove(Client& client);

  EventLoop& loop_;
  Answer answer_;
  ControlLimits limits_;
  Descriptor reserve_;  // given up for a client where there are no descriptors any more
  Descriptor socket_;
  std::list<Client> clients_;
  std::list<Client> removed_;  // destroyed from a clean stack
  Io io_;
  Timer resume_;
  Deferred bury_;
};

}  // namespace anyprobe
