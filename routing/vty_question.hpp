// One question to a daemon of FRR, over the vty socket that vtysh uses. The replies are kept as they come and
// are not looked into: a command goes out ended by NUL, its reply ends with three NULs and an octet of
// status.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/descriptor.hpp"
#include "core/event_loop.hpp"
#include "frr_questions.hpp"

namespace anyprobe {

class VtyQuestion {
 public:
  struct Bounds {
    Duration time = std::chrono::seconds(3);  // for all of it
    // 38,000 LSAs of OSPFv3; reading them costs the prober 0.2 s.
    std::size_t octets = std::size_t{8} * 1024 * 1024;
  };
  // `replies`, where it is answered: a sealed file of memory, for split_replies(). Called from the loop,
  // never from ask().
  using Done = std::function<void(FrrAnswer answer, Descriptor replies)>;

  VtyQuestion(EventLoop& loop, Done done);
  ~VtyQuestion();
  VtyQuestion(const VtyQuestion&) = delete;
  VtyQuestion& operator=(const VtyQuestion&) = delete;

  // One at a time; the one before is cancelled. `path` must be a socket of our own network namespace.
  void ask(const std::string& path, std::vector<std::string> commands, const Bounds& bounds);
  void cancel();

 private:
  void begin();
  bool say(const std::string& command);
  void read();
  bool keep(std::string_view octets);
  void finish(FrrAnswer::End end, const std::string& why = {});

  Done done_;
  std::string path_;
  std::vector<std::string> commands_;
  Bounds bounds_;
  std::size_t next_ = 0;   // of the commands
  std::size_t zeros_ = 0;  // in a row
  bool enabled_ = false;   // the reply to "enable" is over, which is not kept
  std::size_t kept_ = 0;
  Descriptor file_;
  Descriptor socket_;
  Io io_;
  Timer deadline_;
  Deferred begin_;
};

}  // namespace anyprobe
