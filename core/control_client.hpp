// Asks daemons over their control sockets, all at the same time, and tells apart why one does not answer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "control_message.hpp"
#include "control_socket.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"

namespace anyprobe {

struct ControlAnswer {
  enum class End : std::uint8_t {
    answered,   // `text` is what it said
    refused,    // it answers that it does not; `text` is why
    vanished,   // its socket is not there any more
    dead,       // it left its socket behind
    forbidden,  // we may not open its socket
    suspended,  // stopped by a signal; `pid` resumes by SIGCONT
    headless,   // its prober is gone, and its keeper is to start another
    hangs,      // it takes the connection, or not even that, and says nothing
    cut,        // it ended in the middle of its answer; `text` is empty where there was nothing of one
    nonsense,   // it said something else than an answer
    failed,     // we could not ask; `text` is why
  };

  std::string instance;
  End end = End::failed;
  std::string text;
  std::optional<pid_t> pid;  // whom it is about, where that is known
};

struct ControlPatience {
  Duration look = std::chrono::milliseconds(100);  // how often it is looked whether a silent one is stopped
  Duration silence = std::chrono::seconds(5);      // nothing for so long: it hangs
};

// One question to RUN_DIR/INSTANCE.sock, whose process is in RUN_DIR/INSTANCE.pid. It never waits; destroyed
// before its answer, it hangs up.
class ControlQuestion {
 public:
  // `done` is called once, from a callback of the loop, and does not destroy the question.
  ControlQuestion(EventLoop& loop, std::string run_dir, std::string instance, const ControlRequest& request,
                  const ControlPatience& patience, std::function<void()> done);
  ControlQuestion(const ControlQuestion&) = delete;
  ControlQuestion& operator=(const ControlQuestion&) = delete;

  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] const ControlAnswer& answer() const { return answer_; }  // once it has ended

 private:
  void connect();
  void unconnected(int error);
  void read();
  void tick();
  void look();
  void give_up();
  [[nodiscard]] std::optional<pid_t> listener() const;
  void end(ControlAnswer::End how, std::string text = {});

  const std::string run_dir_;
  ControlAnswer answer_;
  const std::string request_;
  const ControlPatience patience_;
  const std::function<void()> done_;
  std::optional<SocketFile> place_;
  Descriptor socket_;
  ReplyReader reader_;
  TimePoint heard_ = Clock::now();
  bool connected_ = false;
  bool ended_ = false;
  Io io_;
  Timer tick_;
  Deferred finish_;
};

// One answer for each of `instances`, in their order. Waits for all of them.
std::vector<ControlAnswer> ask_instances(const std::string& run_dir,
                                         const std::vector<std::string>& instances,
                                         const ControlRequest& request, ControlPatience patience = {});

}  // namespace anyprobe
