#include "probes/socks_dialogue.hpp"

#include <utility>

#include "probes/failure.hpp"

namespace anyprobe {

SocksDialogue::SocksDialogue(EventLoop& loop, const SocksPlan& plan, std::optional<Request> request,
                             Done done, Associated associated)
    : plan_(plan),
      request_(std::move(request)),
      done_(std::move(done)),
      associated_(std::move(associated)),
      who_(plan.server.server.to_string()),
      exchange_(loop, plan.server, [this](const TcpOutcome& outcome) { ended(outcome); }) {}

void SocksDialogue::start() {
  if (plan_.protocol == SocksProtocol::v4a) {
    stage_ = Stage::reply;
    first_ = socks4a_connect(request_.value().to, plan_.username);
  } else {
    // With a user name nothing else is offered: else a proxy that asks nobody would hide a wrong one.
    first_ = socks5_greeting(plan_.username.empty() ? socks_method::kNone : socks_method::kPassword);
  }
  exchange_.start(first_, [this](SocksOctets all) { return heard(all); });
}

bool SocksDialogue::heard(SocksOctets all) {
  for (bool more = true; more && !verdict_;) {
    const auto octets = all.subspan(taken_);
    switch (stage_) {
      case Stage::method:
        more = take_method(octets);
        break;
      case Stage::login:
        more = take_login(octets);
        break;
      case Stage::reply:
        more = take_reply(octets);
        break;
      case Stage::associated:
        more = false;
        break;
    }
  }
  return verdict_.has_value();
}

template <typename T>
bool SocksDialogue::take(const SocksRead<T>& read) {
  using State = typename SocksRead<T>::State;
  if (read.state == State::malformed) {
    settle(Verdict::fail, socks_reason::kWrongAnswer, who_ + " talks no SOCKS: " + read.why, true);
  }
  taken_ += read.length;
  return read.state == State::whole;
}

bool SocksDialogue::take_method(SocksOctets octets) {
  const auto method = read_socks5_method(octets);
  if (!take(method)) return false;
  if (method.value == socks_method::kNoneAcceptable) {
    return settle(
        Verdict::fail, socks_reason::kMethodRefused,
        who_ + (plan_.username.empty() ? " wants a login" : " takes no user name and password") + " (255)",
        true);
  }
  if (method.value != first_.back()) {
    return settle(Verdict::fail, socks_reason::kWrongAnswer,
                  who_ + " chose method " + std::to_string(method.value) + ", which was not offered", true);
  }
  if (method.value == socks_method::kNone) return negotiated();
  stage_ = Stage::login;
  exchange_.say(socks5_login(plan_.username, plan_.password));
  return true;
}

bool SocksDialogue::take_login(SocksOctets octets) {
  const auto status = read_socks5_login(octets);
  if (!take(status)) return false;
  if (status.value == 0) return negotiated();
  return settle(Verdict::fail, socks_reason::kLoginRefused,
                who_ + " refused the user name or the password (" + std::to_string(status.value) + ")", true);
}

bool SocksDialogue::negotiated() {
  if (!request_) {
    const char* what = plan_.username.empty() ? " negotiated" : " took the login";
    return settle(Verdict::pass, socks_reason::kOk, who_ + what, false);
  }
  stage_ = Stage::reply;
  exchange_.say(socks5_request(request_->command, request_->to));
  return true;
}

bool SocksDialogue::take_reply(SocksOctets octets) {
  const bool v5 = plan_.protocol == SocksProtocol::v5;
  const auto reply = v5 ? read_socks5_reply(octets) : read_socks4_reply(octets);
  if (!take(reply)) return false;
  const auto code = reply.value.code;
  if (code == (v5 ? kSocks5Succeeded : kSocks4Granted)) {
    if (request_->command == SocksCommand::udp_associate) return associate(reply.value.bound);
    return settle(Verdict::pass, socks_reason::kOk, who_ + " reached " + request_->name, false);
  }
  const auto text = v5 ? socks5_reply_text(code) : socks4_reply_text(code);
  const bool denied = v5 && code == kSocks5NotAllowed;
  // Of SOCKS4's codes only the one that may mean anything says something of a target.
  return settle(Verdict::fail, denied ? socks_reason::kDenied : socks_reason::kRejected,
                who_ + " for " + request_->name + ": " + text, !v5 && code != kSocks4Rejected);
}

bool SocksDialogue::associate(const Host& bound) {
  if (!bound.address || bound.port == 0) {
    return settle(Verdict::fail, socks_reason::kWrongAnswer,
                  who_ + " granted a relay of UDP without its address", true);
  }
  SocketAddress relay{*bound.address, bound.port};
  if (relay.ip == unspecified(relay.ip.family())) relay.ip = plan_.server.server.ip;
  stage_ = Stage::associated;
  associated_(relay);
  return true;
}

bool SocksDialogue::settle(Verdict verdict, std::string_view reason, const std::string& detail,
                           bool of_proxy) {
  verdict_ = {{verdict, Evidence::soft, reason, detail}, of_proxy};
  return false;
}

std::string SocksDialogue::owed() const {
  return stage_ == Stage::reply ? " before its reply for " + request_.value().name
                                : " in the middle of the negotiation";
}

void SocksDialogue::ended(const TcpOutcome& outcome) {
  if (!verdict_ && outcome.end == TcpOutcome::End::too_much) {
    settle(Verdict::fail, socks_reason::kWrongAnswer, who_ + " says more than SOCKS does", true);
  }
  if (!verdict_) {
    auto result = judge_failure(outcome.call, outcome.error, outcome.local);
    const bool connected = exchange_.connected();
    const std::string where = stage_ == Stage::associated ? " ended the relay of UDP"
                              : !connected                ? " " + std::string(result.reason)
                                                          : " " + std::string(result.reason) + owed();
    if (result.verdict == Verdict::local_error) {
      result.detail = who_ + " not asked (" + result.detail + ")";
    } else if (result.reason == failure_reason::kRefused || result.reason == failure_reason::kClosed) {
      result.detail = who_ + where;
    } else {
      result.detail = who_ + where + " (" + result.detail + ")";
    }
    verdict_ = {std::move(result), !connected};
  }
  done_(*verdict_);
}

std::string SocksDialogue::waiting_for() const {
  if (!exchange_.connected()) return who_;
  if (stage_ == Stage::login) return who_ + " to the login";
  if (stage_ == Stage::reply) return who_ + " for " + request_.value().name;
  return who_ + " (connected)";
}

}  // namespace anyprobe
