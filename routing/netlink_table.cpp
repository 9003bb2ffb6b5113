#include "netlink_table.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <system_error>

#include "core/advertisement.hpp"
#include "link_facts.hpp"

namespace anyprobe {
namespace {

constexpr int kBuffer = 4 * 1024 * 1024;
constexpr std::size_t kAnswerCost =
    2048;  // of the receive buffer, for an error with its text; 1,280 at most seen
constexpr std::size_t kSendReserve = 1024;
constexpr int kDumpAttempts = 3;

std::unique_ptr<NetlinkSocket> open_socket() {
  auto socket = std::make_unique<NetlinkSocket>(kBuffer);
  socket->set_receive_timeout(NetlinkTable::kAnswerTimeout);
  return socket;
}

std::string text_of(const KernelAnswer& answer) {
  if (answer.error == EAGAIN) return "no answer from the kernel";
  auto text = std::generic_category().message(answer.error);
  if (answer.error == EPERM) text += " (CAP_NET_ADMIN is missing)";
  if (!answer.message.empty()) text += ": " + answer.message;
  return text;
}

// The interface on which others of an IPv4 subnet must not go along with the address: when it is removed, or
// when the kernel ends its lifetime.
std::optional<int> to_be_spared(const Change& change) {
  if (const auto* remove = std::get_if<RemoveAddress>(&change))
    return remove->spare_neighbours ? std::optional(remove->seen.index) : std::nullopt;
  const auto* add = std::get_if<AddAddress>(&change);
  const bool may_end = add != nullptr && add->lifetime && !add->renew;
  if (!may_end || add->prefix.address.family() != Family::ipv4 || add->prefix.is_host()) return std::nullopt;
  return add->index;
}

bool is_gone(int error) {
  return error == EADDRNOTAVAIL || error == ENOENT || error == ESRCH || error == ENODEV || error == ENXIO;
}

}  // namespace

NetlinkTable::NetlinkTable() : socket_(open_socket()) {}

// A late answer to what timed out must not be taken for one to the next request, nor a dump half read block
// the next one, so both end with their socket.
int NetlinkTable::reopen_after(int error) {
  try {
    socket_ = open_socket();
  } catch (const std::runtime_error&) {
    // The old socket stays: sequence numbers still tell old answers from new ones.
  }
  return error;
}

int NetlinkTable::dump(std::span<const std::byte> request, std::uint32_t sequence, const Message& take) {
  if (const int error = socket_->send(request); error != 0) return error;
  bool done = false;
  bool interrupted = false;
  int refused = 0;
  while (!done) {
    const int error = socket_->receive([&](nlmsghdr& message) {
      if (message.nlmsg_seq != sequence) return true;
      interrupted = interrupted || (message.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (message.nlmsg_type == NLMSG_ERROR) refused = parse_answer(message).error;
      if (message.nlmsg_type == NLMSG_DONE && nlmsg_datalen(&message) >= static_cast<int>(sizeof(int))) {
        int status = 0;
        std::memcpy(&status, nlmsg_data(&message), sizeof status);
        refused = std::max(0, -status);
      }
      done = message.nlmsg_type == NLMSG_ERROR || message.nlmsg_type == NLMSG_DONE;
      if (!done) take(message);
      return !done;
    });
    if (error != 0) return reopen_after(error);
  }
  if (refused != 0) return refused;
  return interrupted ? EINTR : 0;
}

int NetlinkTable::dump_whole(const Ask& ask, bool& torn, const std::function<void()>& begin,
                             const Message& take) {
  int error = EINTR;
  for (int attempt = 0; attempt < kDumpAttempts && error == EINTR; ++attempt) {
    begin();
    const RequestHead head{socket_->port(), ++sequence_, 0};
    std::vector<std::byte> request;
    ask(request, head);
    error = dump(request, head.sequence, take);
  }
  // Where somebody changes addresses all the time, an incomplete view now is better than none: a withdrawal
  // waits for it.
  if (error != EINTR) return error;
  torn = true;
  return 0;
}

Outcome<Snapshot> NetlinkTable::read(const ReadScope& scope) {
  Snapshot out;
  int error = dump_whole(
      append_dump_of_links, out.torn, [&] { out.links.clear(); },
      [&](nlmsghdr& message) {
        if (message.nlmsg_type != RTM_NEWLINK) return;
        if (auto link = parse_link(message)) out.links.push_back(std::move(*link));
      });
  if (error == 0) error = find_out_about_links(scope.links, out);
  if (error != 0) return Error{"cannot read the interfaces: " + text_of({error, {}})};

  std::vector<RawAddress> raw;
  error = dump_whole(
      append_dump_of_addresses, out.torn, [&] { raw.clear(); },
      [&](nlmsghdr& message) {
        if (message.nlmsg_type != RTM_NEWADDR) return;
        if (auto address = parse_address(message)) raw.push_back(std::move(*address));
      });
  if (error != 0) return Error{"cannot read the addresses: " + text_of({error, {}})};

  std::map<int, std::string_view> names;
  for (const auto& link : out.links) names.emplace(link.index, link.name);
  for (const auto& address : raw) marks_.learn(address);
  out.addresses.reserve(raw.size());
  for (auto& address : raw) {
    const auto name = names.find(address.index);
    const std::string interface(name == names.end() ? std::string_view{} : name->second);
    out.addresses.push_back({address.prefix, address.index, interface, marks_.is_ours(address, interface),
                             marks_.fitness(address, interface), std::move(address.label), address.peer,
                             address.passing});
  }

  if (scope.lingering) out.ipv6_lingers = ipv6_may_linger();
  error = read_routes(scope, out);
  if (error != 0) return Error{"cannot read the routes: " + text_of({error, {}})};
  for (auto& route : out.routes) {
    if (const auto name = names.find(route.index); name != names.end()) route.device = name->second;
  }
  return out;
}

int NetlinkTable::dump_routes(const RouteFilter& filter, bool& torn,
                              const std::function<bool(const SeenRoute&)>& wanted,
                              std::vector<SeenRoute>& out) {
  const auto before = out.size();
  const int error =
      dump_whole([&](auto& batch, const auto& head) { append_dump_of_routes(batch, head, filter); }, torn,
                 [&] { out.resize(before); },
                 [&](nlmsghdr& message) {
                   if (message.nlmsg_type != RTM_NEWROUTE) return;
                   auto route = parse_route(message);
                   if (route && wanted(*route)) out.push_back(std::move(*route));
                 });
  return error == ENOENT ? 0 : error;  // there is no such table yet
}

int NetlinkTable::read_routes(const ReadScope& scope, Snapshot& out) {
  std::set<std::pair<Family, std::uint32_t>> tables;
  for (const auto& [prefix, table] : scope.unmarked) tables.emplace(prefix.address.family(), table);
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    if (!scope.routes && !scope.lingering) break;
    const auto marked = [&](const SeenRoute& route) {
      return route.ours && (scope.routes || route.lingering);
    };
    const int error = dump_routes({family, 0, kProtocolMark, 0}, out.torn, marked, out.routes);
    if (error != 0) return error;
  }
  for (const auto& [family, table] : tables) {
    const auto wanted = [&](const SeenRoute& route) {
      return (!route.ours || !scope.routes) && scope.unmarked.contains({route.prefix, route.table});
    };
    const int error = dump_routes({family, table, 0, 0}, out.torn, wanted, out.routes);
    if (error != 0) return error;
  }
  return 0;
}

int NetlinkTable::find_out_about_links(const std::set<std::string>& names, Snapshot& out) {
  if (names.empty()) return 0;
  const auto speaking = interfaces_of_ospf();
  for (auto& link : out.links) {
    if (!names.contains(link.name)) continue;
    std::vector<SeenRoute> defaults;
    for (const auto family : {Family::ipv4, Family::ipv6}) {
      const auto wanted = [](const SeenRoute& route) {
        return route.prefix.length == 0 && route.table == kMainTable;
      };
      const int error = dump_routes({family, kMainTable, 0, link.index}, out.torn, wanted, defaults);
      if (error != 0) return error;
    }
    // An older kernel does not filter.
    std::erase_if(defaults, [&](const auto& route) { return route.index != 0 && route.index != link.index; });
    link.needed = why_needed(link.name, link.loopback, !defaults.empty(), speaking);
    link.forgets_ipv6 = forgets_ipv6_addresses(link.name);
  }
  return 0;
}

bool NetlinkTable::is_as_made(const RawAddress& address) const {
  return address.protocol == kProtocolMark && marks_.fitness(address, {}) == Fitness::exact;
}

std::vector<ChangeResult> NetlinkTable::apply(std::span<const Change> changes) {
  std::vector<ChangeResult> results(changes.size());
  std::map<int, KernelAnswer> spared;
  for (const auto& change : changes) {
    const auto index = to_be_spared(change);
    if (index && !spared.contains(*index)) spared.emplace(*index, spare_neighbours(*index));
  }
  if (spared.empty()) {
    send_all(changes, results);
    return results;
  }
  std::vector<Change> ready;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto index = to_be_spared(changes[i]);
    const auto answer = index ? spared[*index] : KernelAnswer{};
    if (answer.error != 0 && !is_gone(answer.error)) {
      results[i].error = "the others of its subnet would go too: " + text_of(answer);
      continue;
    }
    ready.push_back(changes[i]);
    places.push_back(i);
  }
  std::vector<ChangeResult> done(ready.size());
  send_all(ready, done);
  for (std::size_t i = 0; i < done.size(); ++i) results[places[i]] = std::move(done[i]);
  return results;
}

void NetlinkTable::send_all(std::span<const Change> changes, std::span<ChangeResult> results) {
  for (std::size_t sent = 0; sent < changes.size();)
    sent += send_batch(changes.subspan(sent), results.subspan(sent));
}

// Sends as many as the buffers hold, one at least, and returns their number.
std::size_t NetlinkTable::send_batch(std::span<const Change> changes, std::span<ChangeResult> results) {
  const auto room = std::max(socket_->send_room(), 2 * kSendReserve) - kSendReserve;
  const auto most = std::min(changes.size(), std::max<std::size_t>(socket_->receive_room() / kAnswerCost, 1));
  const auto port = socket_->port();
  const auto first = sequence_ + 1;
  std::vector<std::byte> batch;
  std::size_t last_at = 0;
  std::size_t count = 0;
  while (count < most) {
    const auto before = batch.size();
    append(batch, {port, first + static_cast<std::uint32_t>(count), 0}, changes[count]);
    if (count > 0 && batch.size() > room) {
      batch.resize(before);
      break;
    }
    last_at = before;
    ++count;
  }
  // The kernel answers in order, errors unasked: the answer to the last says that the others went well.
  reinterpret_cast<nlmsghdr*>(batch.data() + last_at)->nlmsg_flags |= NLM_F_ACK;
  sequence_ += static_cast<std::uint32_t>(count);
  if (const int error = socket_->send(batch); error != 0) {
    for (std::size_t i = 0; i < count; ++i) results[i].error = text_of({error, {}});
  } else {
    collect(first, changes.first(count), results.first(count));
  }
  return count;
}

void NetlinkTable::collect(std::uint32_t first, std::span<const Change> changes,
                           std::span<ChangeResult> results) {
  std::vector<KernelAnswer> answers(changes.size());
  bool done = false;
  while (!done) {
    const int error = socket_->receive([&](nlmsghdr& message) {
      const std::uint32_t at = message.nlmsg_seq - first;
      if (message.nlmsg_type != NLMSG_ERROR || at >= answers.size()) return true;
      answers[at] = parse_answer(message);
      done = at + 1 == answers.size();
      return !done;
    });
    if (error != 0) {
      reopen_after(error);
      for (auto& result : results) result.error = "its outcome is unknown: " + text_of({error, {}});
      return;
    }
  }
  for (std::size_t i = 0; i < changes.size(); ++i) settle(changes[i], answers[i], results[i]);
}

void NetlinkTable::settle(const Change& change, const KernelAnswer& answer, ChangeResult& result) {
  if (const auto* add = std::get_if<AddAddress>(&change)) {
    // What was there already somebody else may have made.
    if (answer.error == 0) marks_.added(add->index, add->prefix);
    if (answer.error != 0 && answer.error != EEXIST) result.error = text_of(answer);
    return;
  }
  const auto* route = std::get_if<AddRoute>(&change);
  const bool may_exist = (route != nullptr && route->renew) || std::holds_alternative<AddLingering>(change);
  if (may_exist && answer.error == EEXIST) return;
  const auto* address = std::get_if<RemoveAddress>(&change);
  const bool removal = address != nullptr || std::holds_alternative<RemoveRoute>(change);
  if (answer.error != 0 && !(removal && is_gone(answer.error))) {
    result.error = text_of(answer);
  } else if (address != nullptr) {
    marks_.removed(address->seen.index, address->seen.prefix);
  }
}

KernelAnswer NetlinkTable::spare_neighbours(int index) {
  const RequestHead head{socket_->port(), ++sequence_, NLM_F_ACK};
  std::vector<std::byte> request;
  append_spare_neighbours(request, head, index);
  if (const int error = socket_->send(request); error != 0) return {error, {}};
  KernelAnswer answer;
  bool done = false;
  while (!done) {
    const int error = socket_->receive([&](nlmsghdr& message) {
      if (message.nlmsg_type != NLMSG_ERROR || message.nlmsg_seq != head.sequence) return true;
      answer = parse_answer(message);
      done = true;
      return false;
    });
    if (error != 0) return {reopen_after(error), {}};
  }
  return answer;
}

}  // namespace anyprobe
