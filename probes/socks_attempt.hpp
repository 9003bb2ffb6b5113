// One round of a socks probe: every target at once, each over a connection of its own, and a relay of UDP.
#pragma once

#include <list>
#include <optional>
#include <string>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/socks_dialogue.hpp"
#include "probes/socks_relay.hpp"

namespace anyprobe {

class SocksAttempt final : public Attempt {
 public:
  // All three outlive the attempt.
  SocksAttempt(EventLoop& loop, const SocksPlan& plan, ResultSink& sink);

  void begin();
  [[nodiscard]] std::string waiting_for() const override;

 private:
  struct Asked {
    std::optional<SocksDialogue> dialogue;
    std::optional<SocksVerdict> verdict;
  };

  void ask_targets();
  void ask(std::optional<SocksDialogue::Request> request);
  void ask_udp();
  void associated(const SocketAddress& relay);
  void settle(std::optional<SocksVerdict>& verdict, SocksVerdict value);
  // Unset: not known yet. None without anything to ask.
  [[nodiscard]] std::optional<Result> judge_targets() const;
  [[nodiscard]] std::string details() const;  // of what did not pass
  void decide();

  EventLoop& loop_;
  const SocksPlan& plan_;
  ResultSink& sink_;
  bool reported_ = false;
  Deferred decide_;
  std::list<Asked> asked_;    // what is in it cannot move
  std::size_t resolved_ = 0;  // targets that have an address, or whose name the proxy looks up
  std::optional<SocksVerdict> udp_verdict_;
  std::optional<SocksDialogue> udp_dialogue_;
  std::optional<SocksRelay> relay_;  // ends before the dialogue that holds its association does
};

}  // namespace anyprobe
