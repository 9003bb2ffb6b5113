// The way by which the prober of our own probes asks that of modules how its services are. It never waits,
// reads no more than a part needs, and takes a tenth of the time at most, whatever the other does.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "control_message.hpp"
#include "descriptor.hpp"
#include "event_loop.hpp"
#include "modules_status.hpp"

namespace anyprobe {

class ModulesLink {
 public:
  struct Patience {
    Duration silence = std::chrono::seconds(2);      // without an answer for so long: it hangs
    Duration rest = std::chrono::milliseconds(200);  // between two rounds, at least
  };
  // `changed`: a round of questions is over, one way or another. Called from a callback of the loop.
  ModulesLink(EventLoop& loop, std::string instance, std::function<void()> changed, Patience patience);
  ModulesLink(EventLoop& loop, std::string instance, std::function<void()> changed);
  ~ModulesLink();
  ModulesLink(const ModulesLink&) = delete;
  ModulesLink& operator=(const ModulesLink&) = delete;

  // Another prober is there; the socket is a stream that does not block.
  void connect(Descriptor socket);
  [[nodiscard]] ModulesStatus& status() { return status_; }

  // Begins a round, unless there is one, or was one just now. Nothing is asked that nobody wants to know.
  void ask();
  // Whether now() is as good as it gets: no older than `age`, or there is nobody to wait for. Otherwise it
  // asks, and `changed` follows.
  [[nodiscard]] bool settled(Duration age);
  // Nothing: there are no modules.
  [[nodiscard]] std::optional<InstanceStatus> now() const;

 private:
  void ask_for_part();
  void read();
  void take(std::string_view octets);
  void end(const std::string& refusal);
  void silent();
  void lose(const char* state, const std::string& problem);

  const std::function<void()> changed_;
  const Patience patience_;
  ModulesStatus status_;
  Descriptor socket_;
  ReplyReader reader_;
  std::size_t first_ = 0;
  bool asking_ = false;
  bool hangs_ = false;
  std::optional<TimePoint> told_;
  TimePoint rest_until_{};
  Duration worked_{};
  Io io_;
  Timer deadline_;
};

}  // namespace anyprobe
