#include "probes/dns_port.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "probes/dns_message.hpp"
#include "probes/udp_exchange.hpp"

namespace anyprobe {
namespace {

constexpr Duration kKept = std::chrono::seconds(60);
// After a refusal: whoever comes back wants its port back, which may be ours by chance. Until then it does
// for all the others that are asked as one server dies.
constexpr Duration kKeptRefused = std::chrono::milliseconds(50);
constexpr std::size_t kKeptMost = 256;  // of as many servers; a descriptor each
constexpr std::size_t kLargestDatagram = 65535;
constexpr std::size_t kAtOnce = 8;  // datagrams by one call
constexpr int kCallsAPass = 16;     // a flood must not keep the loop from the others

}  // namespace

DnsPort::DnsPort(EventLoop& loop) : chains_(1), io_(loop, [this](int) { read(); }) {}

DnsPort::~DnsPort() {
  io_.stop();
  if (fd_ >= 0) ::close(fd_);
}

DnsOutcome DnsPort::open(const DnsTarget& target) {
  const auto socket = open_udp_socket({target.server, target.source, target.device});
  fd_ = socket.fd;
  if (fd_ < 0)
    return {.call = socket.failure.call, .error = socket.failure.error, .local = socket.failure.local};
  opened_ = Clock::now();
  io_.start(fd_, Io::kRead);
  return {};
}

bool DnsPort::well(TimePoint now) const {
  return now - opened_ < kKept && (!failed_ || now - *failed_ < kKeptRefused);
}

std::size_t DnsPort::chain_of(std::span<const std::uint8_t> message) const {
  if (message.size() < 2) return 0;
  return (static_cast<std::size_t>(message[0]) << 8U | message[1]) & (chains_.size() - 1);
}

void DnsPort::grow() {
  std::vector<DnsUdpExchange*> all;
  for (auto* first : chains_) {
    for (auto* each = first; each != nullptr; each = each->next_) all.push_back(each);
  }
  chains_.assign(chains_.size() * 4, nullptr);
  for (auto* each : all) each->next_ = std::exchange(chains_[chain_of(each->query_)], each);
}

void DnsPort::ask(DnsUdpExchange& exchange) {
  const auto query = exchange.query_;
  const auto send = [&] { return ::send(fd_, query.data(), query.size(), MSG_NOSIGNAL) >= 0; };
  bool sent = send();
  if (!sent && (errno == ECONNREFUSED || errno == EHOSTUNREACH)) {
    // It came back for what was sent before, by those that wait or by one that has left.
    fail_all({.call = "receive", .error = errno});
    sent = send();
  }
  const int error = errno;
  if (!sent && error != EAGAIN && error != EINTR)
    return exchange.finish({.call = "send", .error = error, .local = error != ECONNREFUSED});
  if (++waiting_ > 4 * chains_.size()) grow();
  exchange.next_ = std::exchange(chains_[chain_of(query)], &exchange);
}

void DnsPort::leave(DnsUdpExchange& exchange) {
  auto** at = &chains_[chain_of(exchange.query_)];
  while (*at != nullptr && *at != &exchange) at = &(*at)->next_;
  if (*at == nullptr) return;
  *at = std::exchange(exchange.next_, nullptr);
  --waiting_;
}

void DnsPort::fail_all(const DnsOutcome& outcome) {
  if (!failed_) failed_ = Clock::now();
  for (std::size_t chain = 0; chain < chains_.size();) {
    auto* exchange = chains_[chain];
    if (exchange == nullptr) {
      ++chain;
      continue;
    }
    leave(*exchange);
    exchange->finish(outcome);
  }
}

void DnsPort::read() {
  // Room for all is taken from the system as it is written to.
  static std::array<std::array<std::uint8_t, kLargestDatagram>, kAtOnce> room;
  const auto self = shared_from_this();
  for (int calls = 0; calls < kCallsAPass; ++calls) {
    std::array<iovec, kAtOnce> parts;
    std::array<mmsghdr, kAtOnce> messages{};
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      parts[i] = {room[i].data(), room[i].size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = ::recvmmsg(fd_, messages.data(), kAtOnce, MSG_DONTWAIT, nullptr);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return fail_all({.call = "receive", .error = errno});
    for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i)
      take(std::span(room[i]).first(messages[i].msg_len));
    if (static_cast<std::size_t>(got) < kAtOnce) return;
  }
}

void DnsPort::take(std::span<const std::uint8_t> datagram) {
  for (auto* each = chains_[chain_of(datagram)]; each != nullptr; each = each->next_) {
    if (dns_fit(each->query_, datagram) == DnsFit::other) continue;
    leave(*each);
    return each->finish({.reply = datagram});
  }
  ++strays_;
}

std::shared_ptr<DnsPort> DnsPorts::open(const DnsTarget& target, DnsOutcome& failure) {
  auto port = std::make_shared<DnsPort>(loop_);
  failure = port->open(target);
  return failure.call == nullptr ? std::move(port) : nullptr;
}

std::shared_ptr<DnsPort> DnsPorts::take(const DnsTarget& target, DnsOutcome& failure) {
  const auto now = Clock::now();
  if (now - looked_ > kKept) drop_old(now);
  if (!target.server.ip.is_loopback()) return open(target, failure);
  const auto known = kept_.find(target);
  if (known != kept_.end() && known->second->well(now)) return known->second;
  auto port = open(target, failure);
  if (port == nullptr) return port;
  if (known != kept_.end())
    known->second = port;
  else if (kept_.size() < kKeptMost)
    kept_.emplace(target, port);
  return port;
}

// Those that are asked no more would stay open for ever.
void DnsPorts::drop_old(TimePoint now) {
  looked_ = now;
  std::erase_if(kept_, [now](const auto& each) { return !each.second->well(now); });
}

}  // namespace anyprobe
