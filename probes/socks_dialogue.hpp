// One connection to a SOCKS proxy: the negotiation, then one request or none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/event_loop.hpp"
#include "core/probe.hpp"
#include "probes/socks_message.hpp"
#include "probes/socks_question.hpp"
#include "probes/tcp_exchange.hpp"

namespace anyprobe {

// The reasons of a socks probe's results, beside those of failure.hpp.
namespace socks_reason {
inline constexpr std::string_view kOk = "ok";
inline constexpr std::string_view kWrongAnswer = "wrong_answer";      // no SOCKS, or not what was asked for
inline constexpr std::string_view kMethodRefused = "method_refused";  // no way to log in in common
inline constexpr std::string_view kLoginRefused = "login_refused";
inline constexpr std::string_view kDenied = "denied";      // not allowed by ruleset
inline constexpr std::string_view kRejected = "rejected";  // any other code of a reply
}  // namespace socks_reason

enum class SocksProtocol : std::uint8_t { v5, v4a };

struct SocksTarget {
  Host asked;              // as configured
  std::optional<Host> to;  // as the proxy is told: an address or a name; unset: it has no address now
};

// What a socks probe asks and of whom, made once from its options.
struct SocksPlan {
  TcpTarget server;
  SocksProtocol protocol = SocksProtocol::v5;
  std::string username;  // empty: none
  std::string password;
  std::vector<SocksTarget> targets;
  std::optional<SocksTarget> udp_target;
  SocksQuestionKind udp_question = SocksQuestionKind::dns;
};

// A result, and how far it reaches.
struct SocksVerdict {
  Result result;
  bool of_proxy = false;  // a failure that would be the same whatever the target is
};

class SocksDialogue {
 public:
  struct Request {
    SocksCommand command = SocksCommand::connect;
    Host to;
    std::string name;  // of the target, for people
  };
  // Called once, perhaps inside start(). The dialogue may not be destroyed in it.
  using Done = std::function<void(SocksVerdict)>;
  // Called at most once, where a relay of UDP was granted; the association then lasts as long as the
  // dialogue, and Done is called only where it ends. The dialogue may not be destroyed in it.
  using Associated = std::function<void(const SocketAddress& relay)>;

  // Without a request the negotiation is all. The plan outlives the dialogue.
  SocksDialogue(EventLoop& loop, const SocksPlan& plan, std::optional<Request> request, Done done,
                Associated associated = nullptr);

  void start();
  // Who owes an answer, and to what: "127.0.0.1:1080 to the login".
  [[nodiscard]] std::string waiting_for() const;

 private:
  enum class Stage : std::uint8_t { method, login, reply, associated };

  bool heard(SocksOctets all);
  void ended(const TcpOutcome& outcome);
  // Each takes what is there and says whether that was a whole message with more to come after it.
  bool take_method(SocksOctets octets);
  bool take_login(SocksOctets octets);
  bool take_reply(SocksOctets octets);
  bool negotiated();
  bool associate(const Host& bound);
  [[nodiscard]] std::string owed() const;
  template <typename T>
  bool take(const SocksRead<T>& read);
  bool settle(Verdict verdict, std::string_view reason, const std::string& detail, bool of_proxy);

  const SocksPlan& plan_;
  std::optional<Request> request_;
  Done done_;
  Associated associated_;
  std::string who_;
  std::vector<std::uint8_t> first_;
  Stage stage_ = Stage::method;
  std::size_t taken_ = 0;  // octets of what came
  std::optional<SocksVerdict> verdict_;
  TcpExchange exchange_;
};

}  // namespace anyprobe
