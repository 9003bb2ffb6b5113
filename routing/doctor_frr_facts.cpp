#include <grp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/packet_socket.hpp"
#include "doctor_frr.hpp"
#include "doctor_frr_walk.hpp"
#include "frr_questions.hpp"
#include "vty_question.hpp"

namespace anyprobe {
namespace {

// A daemon is asked a question for each prefix, so of very many only the first are looked at.
constexpr std::size_t kMostPrefixes = 64;
constexpr VtyQuestion::Bounds kBounds{std::chrono::seconds(5), std::size_t{32} * 1024 * 1024};
constexpr const char* kRunningConfiguration = "show running-config";

struct Answer {
  FrrAnswer answer;
  std::string octets;
};

// Waits for it.
Answer ask(EventLoop& loop, const std::string& path, std::vector<std::string> commands) {
  Answer out;
  VtyQuestion question(loop, [&](FrrAnswer answer, Descriptor replies) {
    out.answer = std::move(answer);
    if (replies.valid()) out.octets = read_memory_file(replies.get());
    loop.stop();
  });
  question.ask(path, std::move(commands), kBounds);
  loop.run();
  return out;
}

// One that was killed leaves its socket behind.
bool is_there(const FrrAnswer& answer, const std::string& path) {
  if (answer.end != FrrAnswer::End::failed) return answer.end != FrrAnswer::End::absent;
  sockaddr_un address{AF_UNIX, {}};
  if (path.copy(address.sun_path, sizeof address.sun_path - 1) < path.size()) return true;
  const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return !probe.valid() ||
         connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno != ECONNREFUSED;
}

struct Daemon {
  EventLoop& loop;
  std::string path;
  const char* ports;
  FrrQuestion state;
};

void keep_error(const std::string& what, const std::string& why, std::vector<std::string>& unseen) {
  unseen.push_back(what + ": " + why);
}

// False where the daemon is not there, or does not answer.
bool read_config(const Daemon& daemon, OspfFacts& facts, std::vector<std::string>& unseen) {
  const auto told = ask(daemon.loop, daemon.path, {kRunningConfiguration, daemon.ports});
  facts.there = is_there(told.answer, daemon.path);
  if (told.answer.end != FrrAnswer::End::answered) {
    facts.wrong = facts.there ? told.answer.why : "";
    return false;
  }
  const auto replies = split_replies(told.octets);
  if (!replies || replies->size() != 2 || replies->front().status != 0) {
    facts.wrong = daemon.path + ": does not show its configuration";
    return false;
  }
  facts.config = parse_running_config((*replies)[0].text);
  if (!facts.config.runs) return false;
  auto ports = daemon.state == FrrQuestion::ospf6_state ? read_ospf6_ports((*replies)[1].text)
                                                        : read_ospf_ports((*replies)[1].text);
  if (ports)
    facts.ports = std::move(ports).value();
  else
    keep_error(daemon.path + ": interfaces", ports.error(), unseen);
  return true;
}

// The replies to the state question; what is in them for the LSAs of `prefixes` is kept.
std::string read_state(const Daemon& daemon, const std::set<Prefix>& prefixes, OspfFacts& facts,
                       std::vector<std::string>& unseen) {
  auto told = ask(daemon.loop, daemon.path, commands_of(daemon.state, {}));
  if (told.answer.end != FrrAnswer::End::answered) {
    keep_error(daemon.path, told.answer.why, unseen);
    return {};
  }
  auto state = daemon.state == FrrQuestion::ospf6_state ? read_ospf6_state(told.octets, prefixes)
                                                        : read_ospf_state(told.octets, prefixes);
  if (!state) {
    keep_error(daemon.path + ": link states", state.error(), unseen);
    return {};
  }
  facts.state = std::move(state).value();
  facts.lsas = facts.state->lsas;
  return std::move(told.octets);
}

// ospfd tells of external LSAs by prefix.
void read_prefix(const Daemon& daemon, const Prefix& prefix, const std::string& state, OspfFacts& facts,
                 std::vector<std::string>& unseen) {
  const auto told = ask(daemon.loop, daemon.path, commands_of(FrrQuestion::ospf_prefix, prefix));
  if (told.answer.end != FrrAnswer::End::answered)
    return keep_error(prefix.to_string(), told.answer.why, unseen);
  auto found = read_ospf_prefix(told.octets, {prefix});
  if (!found) return keep_error(prefix.to_string(), found.error(), unseen);
  facts.lsas.insert(facts.lsas.end(), found->lsas.begin(), found->lsas.end());
  const auto routers = split_replies(state);
  const auto externals = split_replies(told.octets);
  if (!routers || !externals || routers->empty() || externals->empty()) return;
  auto equal = find_equal_paths(routers->front().text, externals->front().text, prefix);
  if (!equal) return keep_error(prefix.to_string() + ": costs", equal.error(), unseen);
  facts.equal.insert(facts.equal.end(), equal->begin(), equal->end());
}

std::set<Prefix> prefixes_of(const FrrFacts& facts, Family family) {
  std::set<Prefix> out;
  for (const auto& patient : facts.patients) {
    for (const auto& what : patient.advertise) {
      if (what.kind != Advertisement::Kind::link && what.prefix.address.family() == family)
        out.insert({what.prefix.network(), what.prefix.length});
    }
  }
  return out;
}

}  // namespace

void look_at_frr(EventLoop& loop, const std::string& vty_dir, FrrFacts& facts,
                 std::vector<std::string>& unseen) {
  facts.has_group = getgrnam("frrvty") != nullptr;
  const Daemon four{loop, vty_dir + "/ospfd.vty", "show ip ospf interface json", FrrQuestion::ospf_state};
  const auto prefixes = prefixes_of(facts, Family::ipv4);
  if (read_config(four, facts.four, unseen)) {
    const auto state = read_state(four, prefixes, facts.four, unseen);
    std::size_t asked = 0;
    for (const auto& prefix : prefixes) {
      if (state.empty()) break;
      if (++asked > kMostPrefixes) {
        facts.present.erase(prefix);
        continue;
      }
      read_prefix(four, prefix, state, facts.four, unseen);
    }
    if (asked > kMostPrefixes)
      unseen.push_back("the announcements of " + std::to_string(asked - kMostPrefixes) + " IPv4 prefixes");
  }
  const Daemon six{loop, vty_dir + "/ospf6d.vty", "show ipv6 ospf6 interface json", FrrQuestion::ospf6_state};
  if (read_config(six, facts.six, unseen))
    read_state(six, prefixes_of(facts, Family::ipv6), facts.six, unseen);
  const auto zebra = ask(loop, vty_dir + "/zebra.vty", {kRunningConfiguration});
  facts.zebra_there = is_there(zebra.answer, vty_dir + "/zebra.vty");
  const auto replies = split_replies(zebra.octets);
  if (zebra.answer.end == FrrAnswer::End::answered && replies && !replies->empty())
    facts.zebra = parse_running_config(replies->front().text);
  else if (facts.zebra_there && (readable(facts.four) || readable(facts.six)))
    keep_error("the filters of zebra", zebra.answer.why, unseen);
}

}  // namespace anyprobe
