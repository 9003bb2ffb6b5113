// Answers who asks over a listening socket: one line, one reply, and the connection ends. In the prober's
// loop; it never blocks, and one that is slow or silent costs nothing but its own connection.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "descriptor.hpp"
#include "event_loop.hpp"

namespace anyprobe {

struct LineLimits {
  std::size_t longest = 4096;                       // of a request, in octets, with the end of its line
  std::size_t clients = 16;                         // another one takes the place of the oldest
  Duration patience = std::chrono::seconds(5);      // from its connection until it has read its answer
  Duration pause = std::chrono::milliseconds(200);  // where none can be accepted
  // Who has sent no whole line by then is answered to what it has sent; zero: its patience ends it.
  Duration hearing{};
};

class LineServer {
 public:
  // Called from a callback of the loop with the line, without its end; one that was too long is cut to the
  // longest. An empty reply only ends the connection.
  using Answer = std::function<std::string(std::string_view line)>;

  LineServer(EventLoop& loop, Answer answer, LineLimits limits = {});
  ~LineServer();
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;

  // `socket` listens and does not block; it takes the place of one given earlier.
  void listen(Descriptor socket);
  // One who is connected already and stays: it is answered line by line, however long it takes between them.
  // It takes the place of all who are there.
  void serve(Descriptor connected);
  [[nodiscard]] std::size_t clients() const { return clients_.size(); }

 private:
  class Client {
   public:
    Client(LineServer& server, Descriptor socket, bool stays = false);

    // Both return whether there is more to come. A client is removed by the server alone.
    [[nodiscard]] bool read();
    [[nodiscard]] bool write();
    void start();

   private:
    void step(int events);
    bool answer();

    LineServer& server_;
    const bool stays_;
    Descriptor socket_;
    std::string request_;
    std::string reply_;
    std::size_t written_ = 0;
    Io io_;
    Timer deadline_;
    Timer hearing_;
  };

  void accept();
  void keep_reserve();
  void remove(Client& client);

  EventLoop& loop_;
  Answer answer_;
  LineLimits limits_;
  Descriptor reserve_;  // given up for a client where there are no descriptors any more
  Descriptor socket_;
  std::list<Client> clients_;
  std::list<Client> removed_;  // destroyed from a clean stack
  Io io_;
  Timer resume_;
  Deferred bury_;
};

}  // namespace anyprobe
