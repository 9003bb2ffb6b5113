// One round of a syslog probe: one line in, and waiting for it to come out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/local_message.hpp"
#include "probes/syslog_listener.hpp"
#include "probes/tcp_exchange.hpp"
#include "probes/udp_exchange.hpp"

namespace anyprobe {

// The reason of a passed round; the others are those of failure.hpp.
namespace syslog_reason {
inline constexpr std::string_view kOk = "ok";
}  // namespace syslog_reason

// What a syslog probe writes and to whom, made once from its options.
struct SyslogPlan {
  std::string path;      // of a Unix socket; empty: to `server`
  SocketAddress server;  // over `transport`
  Protocol transport = Protocol::udp;
  std::optional<IpAddress> source;
  std::string device;  // empty: none
  bool rfc5424 = false;
  bool counted = false;  // over TCP, framed by its length
  SyslogLine line;       // all but the time and what follows from the round
  SocketAddress listen;
  Protocol listen_transport = Protocol::udp;

  [[nodiscard]] std::string told_target() const;  // "127.0.0.1:5514 over udp"
};

class SyslogAttempt final : public Attempt {
 public:
  // All outlive the attempt.
  SyslogAttempt(EventLoop& loop, const SyslogPlan& plan, SyslogListener& listener, ResultSink& sink);
  ~SyslogAttempt() override;

  void begin();
  [[nodiscard]] std::string waiting_for() const override;
  // A line that may have been lost on this host was not the relay's to bring.
  [[nodiscard]] bool asked() const override;

 private:
  bool draw_token();
  [[nodiscard]] std::string write_line() const;
  void send_over_udp();
  void send_over_tcp();
  void send_to_socket();
  void came();
  void failed(const char* call, int error, bool local);

  EventLoop& loop_;
  const SyslogPlan& plan_;
  SyslogListener& listener_;
  ResultSink& sink_;
  std::string token_;
  std::uint32_t lost_before_ = 0;
  bool sent_ = false;
  std::string line_;  // as it goes over TCP, which refers to it
  UdpTarget udp_target_;
  TcpTarget tcp_target_;
  std::optional<UdpExchange> udp_;
  std::optional<TcpExchange> tcp_;
  std::optional<LocalMessage> local_;
};

}  // namespace anyprobe
