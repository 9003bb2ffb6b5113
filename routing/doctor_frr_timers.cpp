#include "doctor_frr_timers.hpp"

#include <string>

#include "doctor_frr_mend.hpp"
#include "doctor_frr_walk.hpp"

namespace anyprobe {
namespace {

constexpr std::uint32_t kSlowestRetransmit = 1;  // seconds
constexpr std::uint32_t kUsualMinArrival = 1000;

}  // namespace

std::vector<Ailment> judge_retransmit(const FrrFacts& facts) {
  std::vector<Ailment> out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    for (const auto& [name, port] : ospf.ports) {
      const auto set = ospf.config.interfaces.find(name);
      if (port.passive || (set != ospf.config.interfaces.end() && set->second.passive)) continue;
      if (port.retransmit <= kSlowestRetransmit) continue;
      out.push_back(
          {std::string(daemon_name(family)) + " sends again on " + name + " after " +
               std::to_string(port.retransmit) + " s; a change counts from the next adjacency on",
           {vtysh_line(facts.vtysh,
                       {"interface " + name, std::string(family == Family::ipv4 ? "ip ospf" : "ipv6 ospf6") +
                                                 " retransmit-interval 1"})}});
    }
  });
  return out;
}

std::vector<Ailment> judge_min_arrival(const FrrFacts& facts) {
  std::vector<Ailment> out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    if (ospf.config.min_arrival_ms < kUsualMinArrival) return;
    out.push_back({std::string(daemon_name(family)) + " drops an LSA that comes within " +
                       std::to_string(ospf.config.min_arrival_ms) + " ms of its predecessor",
                   {vtysh_line(facts.vtysh, {router_line(family), "timers lsa min-arrival 100"})},
                   ospf.config.min_arrival_ms > kUsualMinArrival ? Gravity::warning : Gravity::remark});
  });
  return out;
}

std::vector<Ailment> judge_graceful(const FrrFacts& facts) {
  std::vector<Ailment> out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    if (!ospf.config.graceful) return;
    out.push_back({std::string(daemon_name(family)) + " restarts gracefully",
                   {vtysh_line(facts.vtysh, {router_line(family), "no graceful-restart"})}});
  });
  return out;
}

std::vector<Ailment> judge_helper(const FrrFacts& facts) {
  std::vector<Ailment> out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    if (!ospf.config.helps) return;
    out.push_back({std::string(daemon_name(family)) + " helps neighbours that restart gracefully",
                   {vtysh_line(facts.vtysh, {router_line(family), "no graceful-restart helper enable"})}});
  });
  return out;
}

}  // namespace anyprobe
