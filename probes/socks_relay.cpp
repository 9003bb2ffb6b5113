#include "probes/socks_relay.hpp"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <utility>

#include "core/text.hpp"
#include "probes/failure.hpp"
#include "probes/socks_dialogue.hpp"

namespace anyprobe {
namespace {

// One lost datagram is no outage: after this, and after twice as long each time, it is said again.
constexpr auto kPatience = std::chrono::milliseconds(250);

}  // namespace

SocksRelay::SocksRelay(EventLoop& loop, UdpTarget relay, Host to, std::string name, SocksQuestionKind kind,
                       Done done)
    : relay_(std::move(relay)),
      to_(std::move(to)),
      name_(std::move(name)),
      kind_(kind),
      done_(std::move(done)),
      patience_(kPatience),
      exchange_(
          loop, relay_, [this](SocksOctets datagram) { return received(datagram); },
          [this](const UdpFailure& failure) {
            again_.stop();
            auto result = judge_failure(failure.call, failure.error, failure.local);
            // The proxy is there, and has just granted it: Dante ends the relay when the target refuses.
            result.evidence = Evidence::soft;
            result.detail = "the relay " + relay_.server.to_string() + " for " + name_ + ": " + result.detail;
            done_(std::move(result));
          }),
      again_(loop, [this] { send(); }) {}

void SocksRelay::start() {
  std::array<std::uint8_t, SocksQuestion::kRandom> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    done_({Verdict::local_error, Evidence::soft, failure_reason::kLocalError, "no random numbers to be had"});
    return;
  }
  question_.emplace(kind_, random);
  datagram_ = socks_datagram(to_, question_->octets());
  send();
}

void SocksRelay::send() {
  again_.start(patience_);
  patience_ *= 2;
  exchange_.send(datagram_);
}

bool SocksRelay::received(SocksOctets datagram) {
  auto fault = fault_of(datagram);
  if (!fault.empty()) {
    ++read_past_;
    last_fault_ = std::move(fault);
    return true;
  }
  again_.stop();
  done_({Verdict::pass, Evidence::soft, socks_reason::kOk,
         "UDP to " + name_ + " answered (" + std::string(question_->name()) + ")"});
  return false;
}

std::string SocksRelay::fault_of(SocksOctets octets) const {
  const auto read = read_socks_datagram(octets);
  if (read.state == SocksRead<SocksDatagram>::State::malformed) return read.why;
  if (read.state == SocksRead<SocksDatagram>::State::partial) return "its header is cut off";
  const auto& datagram = read.value;
  if (datagram.fragment != 0) return "a fragment";
  // Where the proxy looks the name up, who answers cannot be known.
  const bool from_there =
      datagram.from.port == to_.port && (!to_.address || datagram.from.address == to_.address);
  if (!from_there) {
    return "from " + (datagram.from.address ? datagram.from.to_string() : in_quotes(datagram.from.name));
  }
  return question_->answered_by(datagram.payload) ? "" : "no answer to the question";
}

std::string SocksRelay::waiting_for() const {
  auto out = name_ + " through the relay " + relay_.server.to_string();
  if (read_past_ > 0) {
    out += " (read past: " + std::to_string(read_past_) + ", the last: " + last_fault_ + ")";
  }
  return out;
}

}  // namespace anyprobe
