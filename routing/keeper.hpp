// The keeper: holds the addresses, starts the prober, and believes it nothing but which of the configured
// advertisements it wants. It reads no byte that comes from a network.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/advertisement.hpp"
#include "core/event_loop.hpp"
#include "core/log.hpp"
#include "keeper_message.hpp"
#include "reconciler.hpp"

namespace anyprobe {

class Keeper {
 public:
  struct View {
    std::vector<Advertisement> advertisements;  // in the order of the prober's flags
    std::string user;                           // whom the prober runs as; empty: the usual
    LogSettings log;
  };
  struct Hooks {
    std::function<Outcome<std::vector<SourceFile>>()> read;
    std::function<Outcome<View>(const std::vector<SourceFile>&)> understand;
    // Starts a prober that has `socket` as its end; returns its pid, or -1. The socket stays the keeper's.
    std::function<pid_t(int socket, const std::string& user)> spawn;
    std::function<void(const View& view)> accepted;     // a configuration is in force
    std::function<void(pid_t prober)> running;          // the prober has taken its first configuration
    std::function<void(const std::string& what)> fail;  // why run() is about to return something else than 0
  };

  // `adopt`: addresses that lack our mark are taken over instead of refused.
  Keeper(EventLoop& loop, Reconciler& reconciler, bool adopt, Hooks hooks);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Returns the exit code once everything is withdrawn again.
  int run();

  // The reconciler has settled after a failure: what the prober waits for may be done now.
  void tell_applied();

 private:
  struct Configuration {
    std::vector<SourceFile> files;
    View view;
    std::uint32_t generation = 0;
  };

  bool load(Configuration& into, std::string& wrong);
  void spawn();
  bool offer(const Configuration& configuration);
  void receive();
  void take(const Message& message);
  void accept(const Message& message);
  void refuse(const Message& message);
  void want(const Message& message);
  bool withdraw_all();
  bool refuse_foreign();
  void reload();
  void reap();
  void prober_gone(int status);
  void terminate();
  void leave(int code);

  EventLoop& loop_;
  Reconciler& reconciler_;
  bool adopt_;
  Hooks hooks_;

  Configuration current_;  // generation 0: none has been accepted yet
  Configuration offered_;  // what the prober has not answered yet, if its generation is above current_'s
  std::uint32_t generations_ = 0;
  bool reload_again_ = false;

  int socket_ = -1;
  pid_t prober_ = -1;
  bool accepted_ = false;     // this prober has taken a configuration
  std::uint32_t serial_ = 0;  // of what the prober wanted last
  std::uint32_t told_ = 0;    // and of what it has been told is done
  Duration respawn_delay_;
  TimePoint spawned_{};
  bool leaving_ = false;
  int code_ = 0;

  Io io_;
  Signal child_;
  Signal term_;
  Signal hup_;
  Timer respawn_;
  Timer kill_;
};

}  // namespace anyprobe
