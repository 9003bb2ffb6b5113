// Where relayed lines come in: a port that is taken once and held as long as any probe of the process wants
// it, so that neither a reload nor several services of the same port lose it. Each hears of its own lines by
// their tokens; what else comes is read and forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/address.hpp"
#include "core/event_loop.hpp"
#include "core/outcome.hpp"
#include "core/probe.hpp"
#include "probes/syslog_message.hpp"

namespace anyprobe {

class SyslogListener {
 public:
  // The one of this loop, address and protocol: that which is there, or a new one. The error says why the
  // port cannot be had ("127.0.0.1:5515 is taken: Address already in use"). The loop outlives it.
  static Outcome<std::shared_ptr<SyslogListener>> of(EventLoop& loop, const SocketAddress& address,
                                                     Protocol protocol);

  virtual ~SyslogListener() = default;
  SyslogListener(const SyslogListener&) = delete;
  SyslogListener& operator=(const SyslogListener&) = delete;

  // From now on `came` is called whenever a line with the token comes in. It may not destroy the listener.
  void expect(const std::string& token, std::function<void()> came);
  void forget(const std::string& token);

  // What was lost on this host, by a count that only grows (and wraps): datagrams that the receive buffer had
  // no room for, or connections that could not be taken.
  [[nodiscard]] virtual std::uint32_t lost() const = 0;
  // "overflow: 12 datagrams lost on 127.0.0.1:5515"
  [[nodiscard]] virtual std::string tell_lost(std::uint32_t number) const = 0;

 protected:
  explicit SyslogListener(const SocketAddress& address) : address_(address) {}

  virtual void resume() {}  // somebody waits
  void take(SyslogTokens& tokens, std::string_view piece);
  [[nodiscard]] const SocketAddress& address() const { return address_; }

 private:
  SocketAddress address_;
  std::map<std::string, std::function<void()>, std::less<>> expected_;
};

}  // namespace anyprobe
