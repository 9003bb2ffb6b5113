// The keeper: holds the addresses, starts the probers, and believes them nothing but what is to become of the
// configured advertisements. It reads no byte that comes from a network.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/address.hpp"
#include "core/advertisement.hpp"
#include "core/event_loop.hpp"
#include "core/log.hpp"
#include "core/named_sockets.hpp"
#include "core/prober_part.hpp"
#include "keeper_memory.hpp"
#include "keeper_message.hpp"
#include "lease_book.hpp"
#include "prober_seat.hpp"
#include "reconciler.hpp"

namespace anyprobe {

class Keeper {
 public:
  struct ServiceOf {
    std::string name;
    ProberPart part = ProberPart::built_in;
    std::size_t advertisements = 0;  // which follow those of the services before it
    std::size_t served = 0;  // so many of them, the first, are its own; the rest is the token of its drains
  };
  struct View {
    std::vector<Advertisement> advertisements;  // in the order of the prober's wishes
    std::vector<std::chrono::seconds> leases;   // of each
    std::vector<Duration> lingers;              // of each, at most; where it is empty: none lingers
    std::vector<Duration> lingers_removed;      // of each, once it is not configured any more; the same
    std::vector<ProberPart> parts;              // of each, who has a say in it
    std::vector<ServiceOf> services;            // in order
    std::string user;                           // whom the probers run as; empty: the usual
    LogSettings log;
    CommandTable commands;
    Duration lsa_spacing{};  // zero: nothing waits
    bool has_modules = false;
    std::string vty_dir;  // where FRR's daemons are asked
    SocketPlaces sockets = {};
  };
  struct Hooks {
    std::function<Outcome<std::vector<SourceFile>>()> read;
    std::function<Outcome<View>(const std::vector<SourceFile>&)> understand;  // what was read last
    // Why what is to be announced must not be, one line each: a link that the host needs.
    std::function<std::vector<std::string>(const View& view)> object;
    // Start a prober or a runner that has `socket` as its end; return its pid, or -1. The socket stays the
    // keeper's.
    std::function<pid_t(int socket, const View& view, ProberPart part)> spawn;
    std::function<pid_t(int socket)> spawn_runner;
    std::function<void(const View& view)> accepted;     // a configuration is in force
    std::function<void(pid_t prober)> running;          // the prober has taken its first configuration
    std::function<void(const std::string& what)> fail;  // why run() is about to return something else than 0
    std::function<void()> leaving{};                    // run() is about to end
    // The first configuration has been read, nothing has been started yet. What it returns ends the start.
    std::function<std::string(const View& view)> prepare{};
    // What an earlier run wrote down, and what the next one is to find.
    std::function<std::vector<Advertisement>()> recall{};
    std::function<void(const std::vector<Advertisement>&)> remember{};
    // The same of the services that are withdrawn by hand.
    std::function<std::set<std::string>()> recall_drained{};
    std::function<void(const std::set<std::string>&)> remember_drained{};
    // A listening socket for the probers of that part, or -1; outlives the keeper.
    std::function<int(ProberPart part)> control{};
    // It outlives the keeper, or the next socket_changed(). It is for the services of our own probes.
    std::function<OpenedSocket(SocketName name)> socket{};
    // What is wrong beside what is in the kernel, one line each.
    std::function<std::vector<std::string>()> problems{};
    // summary() may be another.
    std::function<void()> changed{};
  };

  // `adopt`: addresses that lack our mark are taken over instead of refused.
  Keeper(EventLoop& loop, Reconciler& reconciler, bool adopt, Hooks hooks);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Returns the exit code once everything is withdrawn again, or handed over, and the runners have ended what
  // they were at.
  int run();

  // The reconciler has settled after a failure: what the probers wait for may be done now.
  void tell_applied();
  // Something is otherwise in the kernel, or wrong there: the probers are told from a clean stack.
  void tell_soon() { tell_.schedule(); }
  // What Hooks::socket says is otherwise, or a problem is.
  void socket_changed(SocketName name);

  // What may be in the kernel by what was remembered.
  [[nodiscard]] const std::vector<Advertisement>& remembered() { return memory_.recalled(); }
  // How it is, in one line: "2 of 3 services announced; not: radius; drained: dns".
  [[nodiscard]] std::string summary() const;
  // After run(): whether what stands was left to the next run, and until when.
  [[nodiscard]] bool handed_over() const { return handing_over_ && code_ == 0; }
  [[nodiscard]] const LeaseBook& leases() const { return book_; }
  void end_leases() { apply(); }  // those that are over
  void withdraw_leftovers();

 private:
  struct Configuration {
    std::vector<SourceFile> files;
    View view;
    std::uint32_t generation = 0;  // 0: there is none
    std::vector<bool> found = {};  // which of what it announces was there when it was offered
    std::uint32_t asked = 0;       // the last reload that it answers
  };
  // keeper_offer.cpp
  bool load(Configuration& into, std::vector<std::string>& wrong);
  void reload();
  void begin_offer();
  void offer_next();
  bool offer(ProberSeat& seat, Configuration& configuration);
  void hand_over_socket(ProberSeat& seat, SocketName name);
  [[nodiscard]] bool judges(const ProberSeat& seat) const;
  [[nodiscard]] const Configuration& taken_by(const ProberSeat& seat) const;
  void accept(ProberSeat& seat, const Message& message);
  void put_in_force();
  bool refuse_foreign();
  void follow_up();
  void introduce();
  void refuse(ProberSeat& seat, const Message& message);
  void drop_offer(const std::string& why);

  void make_seat(ProberPart part);
  ProberSeat* seat_of(ProberPart part);
  [[nodiscard]] bool is_needed(const ProberSeat& seat) const;
  void dismiss(ProberSeat& seat, int signal);
  void started(ProberSeat& seat);
  void not_started(ProberSeat& seat);
  void reap();
  void prober_gone(ProberSeat& seat, int status);
  void watch(ProberSeat& seat);
  void take(ProberSeat& seat, const Message& message);
  void want(ProberSeat& seat, const Message& message);
  void ask(ProberSeat& seat, const Message& message);
  void suspended(ProberSeat& seat, bool is);
  void drained(const ProberSeat& seat, const Message& message);
  [[nodiscard]] std::vector<bool> drained_of(const View& view) const;
  [[nodiscard]] std::vector<bool> mine(const ProberSeat& seat) const;
  bool apply();
  [[nodiscard]] std::string view() const;
  void terminate();
  void hand_over();
  [[nodiscard]] bool nobody_runs() const;
  void leave(int code);

  EventLoop& loop_;
  Reconciler& reconciler_;
  bool adopt_;
  Hooks hooks_;
  KeeperMemory memory_;
  std::set<std::string> drained_;  // services that are withdrawn by hand, also those of an earlier run
  LeaseBook book_;

  Configuration current_;
  Configuration offered_;              // what is not in force yet
  std::vector<ProberSeat*> to_judge_;  // it, in turn
  std::uint32_t generations_ = 0;
  bool reload_again_ = false;
  std::uint32_t reloads_asked_ = 0;
  std::uint32_t reloads_done_ = 0;
  std::string refusal_;  // of the last reload: its first error

  std::vector<std::unique_ptr<ProberSeat>> seats_;
  bool half_way_ = false;
  bool leaving_ = false;       // no prober is to be started any more
  bool handing_over_ = false;  // and nothing is to be withdrawn
  bool left_ = false;
  int code_ = 0;

  Signal child_;
  Signal term_;
  Signal hup_;
  Signal usr2_;
  Deferred reload_soon_;  // what is heard may be the last words of a prober that is being reaped
  Deferred apply_;  // once for all that a prober has said by then: each time the whole kernel is compared
  Timer lease_end_;
  Deferred tell_;
  Timer tell_again_;
};

}  // namespace anyprobe
