#include "doctor_frr.hpp"

#include <algorithm>

#include "doctor_frr_mend.hpp"
#include "doctor_frr_timers.hpp"
#include "doctor_frr_walk.hpp"
#include "route_filter.hpp"

namespace anyprobe {
namespace {

using Ailments = std::vector<Ailment>;
using Kind = Advertisement::Kind;

// Of an interface that speaks OSPF, so that it is a stub link of the router and needs no redistribution.
std::string own_area(const RunningConfig& config, const Advertisement& what) {
  if (what.kind != Kind::address) return {};
  if (const auto port = config.interfaces.find(what.interface);
      port != config.interfaces.end() && !port->second.area.empty())
    return port->second.area;
  for (const auto& [network, area] : config.networks) {
    if (network.length <= what.prefix.length && network.overlaps(what.prefix)) return area;
  }
  return {};
}

const Redistribution* redistribution_of(const RunningConfig& config, const Advertisement& what) {
  const auto source = source_of(what);
  const auto found = std::find_if(config.redistributes.begin(), config.redistributes.end(),
                                  [&](const auto& one) { return one.source == source; });
  return found == config.redistributes.end() ? nullptr : &*found;
}

// The longest that has it within counts.
FilterVerdict judge_summaries(const RunningConfig& config, const Prefix& prefix) {
  const ExternalSummary* within = nullptr;
  for (const auto& one : config.summaries) {
    if (one.prefix.length > prefix.length || !one.prefix.overlaps(prefix)) continue;
    if (within == nullptr || one.prefix.length > within->prefix.length) within = &one;
  }
  if (within == nullptr || (within->announced && within->prefix.length == prefix.length)) return {};
  FilterVerdict out{FilterVerdict::Is::drops, "summary-address " + within->prefix.to_string()};
  out.why += within->announced ? " is announced in its place, by each node that has any address of it"
                               : " no-advertise drops it";
  out.summary = within->prefix;
  return out;
}

// What becomes of it on the way into OSPF. Passes also where nothing redistributes it, which is another
// check's.
FilterVerdict judge_way(const FrrFacts& facts, const RunningConfig& config, const Advertisement& what) {
  if (!own_area(config, what).empty()) return {};
  const auto* redistribution = redistribution_of(config, what);
  if (redistribution == nullptr) return {};
  const FilteredRoute route{what.prefix, what.interface};
  if (!redistribution->route_map.empty()) {
    auto verdict = judge_route_map(config, redistribution->route_map, route);
    if (verdict.is != FilterVerdict::Is::passes) return verdict;
  }
  const auto list = config.distribute_lists.find(redistribution->source);
  const auto family = what.prefix.address.family();
  // One that does not exist lets all through.
  if (list != config.distribute_lists.end() && config.access_lists.contains({family, list->second}) &&
      !access_list_permits(config, list->second, what.prefix))
    return {FilterVerdict::Is::drops,
            "distribute-list " + list->second + " out " + redistribution->source + " drops it",
            {},
            {},
            0,
            0,
            list->second};
  const auto kind = what.kind == Kind::address ? "connected" : "kernel";
  const auto filter = facts.zebra.protocol_filters.find({family, kind});
  if (filter == facts.zebra.protocol_filters.end()) return judge_summaries(config, what.prefix);
  auto verdict = judge_route_map(facts.zebra, filter->second, route);
  if (verdict.is == FilterVerdict::Is::passes) return judge_summaries(config, what.prefix);
  verdict.why = std::string("zebra takes it by \"ip protocol ") + kind + "\": " + verdict.why;
  return verdict;
}

bool leaves(const FrrFacts& facts, const RunningConfig& config, const Advertisement& what) {
  return !own_area(config, what).empty() || (redistribution_of(config, what) != nullptr &&
                                             judge_way(facts, config, what).is != FilterVerdict::Is::drops);
}

Ailments absent(const FrrFacts& facts) {
  Ailments out;
  if (facts.other_daemon) return out;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto& ospf = family == Family::ipv4 ? facts.four : facts.six;
    if (ospf.there || !wants(facts, family)) continue;
    const std::string daemon = family == Family::ipv4 ? "ospfd" : "ospf6d";
    out.push_back(
        {"there is no " + daemon + ", which would announce the " +
             (family == Family::ipv4 ? "IPv4" : "IPv6") + " addresses that are configured",
         {"sed -i 's/^" + daemon + "=no/" + daemon + "=yes/' /etc/frr/daemons && systemctl restart frr"}});
  }
  if (out.empty() && !facts.zebra_there && (facts.four.there || facts.six.there))
    out.push_back(
        {"there is no zebra, which tells the others of FRR what the kernel has", {"systemctl restart frr"}});
  return out;
}

Ailments unreachable(const FrrFacts& facts) {
  Ailments out;
  if (!facts.has_group && (facts.four.there || facts.six.there))
    out.push_back({"there is no group frrvty", {"groupadd --system frrvty && systemctl restart frr"}});
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto& ospf = family == Family::ipv4 ? facts.four : facts.six;
    if (ospf.there && !ospf.wrong.empty() && (wants(facts, family) || facts.patients.empty()))
      out.push_back({ospf.wrong});
  }
  return out;
}

Ailments not_configured(const FrrFacts& facts) {
  Ailments out;
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto& ospf = family == Family::ipv4 ? facts.four : facts.six;
    if (!readable(ospf) || ospf.config.runs || !wants(facts, family)) continue;
    const std::string router = family == Family::ipv4 ? "ospf" : "ospf6";
    Ailment one{"there is no `router " + router + "` in the default VRF"};
    if (!ospf.config.vrfs.empty()) one.what += ", only in VRF " + *ospf.config.vrfs.begin();
    out.push_back(std::move(one));
  }
  return out;
}

Ailments no_redistribution(const FrrFacts& facts) {
  Ailments out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    std::map<std::string, std::vector<Prefix>> missing;
    each_prefix(facts, family, [&](const Patient&, const Advertisement& what) {
      if (own_area(ospf.config, what).empty() && redistribution_of(ospf.config, what) == nullptr)
        missing[source_of(what)].push_back(what.prefix);
    });
    for (const auto& [source, prefixes] : missing) {
      const std::string router = router_line(family);
      out.push_back({router + " has no \"redistribute " + source + "\", which " + prefixes_text(prefixes) +
                         (prefixes.size() == 1 ? " needs" : " need"),
                     {mend_by_redistribution(facts.vtysh, family, source, prefixes)}});
    }
  });
  return out;
}

Ailments filtered(const FrrFacts& facts, FilterVerdict::Is which) {
  Ailments out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    struct Dropped {
      FilterVerdict verdict;
      std::vector<Prefix> prefixes;
      std::string source;
    };
    std::map<std::string, Dropped> dropped;  // by the reason
    each_prefix(facts, family, [&](const Patient&, const Advertisement& what) {
      auto verdict = judge_way(facts, ospf.config, what);
      if (verdict.is != which) return;
      auto& group = dropped[source_of(what) + ' ' + verdict.why];
      group.prefixes.push_back(what.prefix);
      group.source = source_of(what);
      group.verdict = std::move(verdict);
    });
    for (const auto& [why, group] : dropped) {
      Ailment one{prefixes_text(group.prefixes) + " (" + group.source + "): " + group.verdict.why};
      const bool of_zebra = group.verdict.why.starts_with("zebra");
      if (which == FilterVerdict::Is::drops)
        one.mend = mend_filter(facts.vtysh, of_zebra ? facts.zebra : ospf.config, group.verdict, group.source,
                               group.prefixes);
      out.push_back(std::move(one));
    }
  });
  return out;
}

Ailments dropped(const FrrFacts& facts) {
  return filtered(facts, FilterVerdict::Is::drops);
}

Ailments not_understood(const FrrFacts& facts) {
  return filtered(facts, FilterVerdict::Is::unknown);
}

Ailments no_neighbour(const FrrFacts& facts) {
  Ailments out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    if (!ospf.state || ospf.state->neighbours.full > 0 || !wants(facts, family)) return;
    const auto forming = ospf.state->neighbours.forming;
    out.push_back({std::string(daemon_name(family)) + " has no neighbour" +
                   (forming == 0 ? "" : " that is full, " + std::to_string(forming) + " on the way") +
                   ": are hello and dead interval, area, network type, MTU and authentication those of the "
                   "router?"});
  });
  return out;
}

std::set<std::string> areas_of(const RunningConfig& config) {
  std::set<std::string> out;
  for (const auto& [network, area] : config.networks) out.insert(area);
  for (const auto& [name, port] : config.interfaces) {
    if (!port.area.empty()) out.insert(port.area);
  }
  return out;
}

Ailments stub_areas(const FrrFacts& facts) {
  Ailments out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    const auto areas = areas_of(ospf.config);
    std::string stub;
    bool outlet = false;
    for (const auto& area : areas) {
      const auto told = ospf.config.areas.find(area);
      const bool is_stub = told != ospf.config.areas.end() && told->second.stub;
      if (is_stub) stub = area;
      outlet = outlet || !is_stub;
    }
    bool redistributed = false;
    each_prefix(facts, family, [&](const Patient&, const Advertisement& what) {
      redistributed = redistributed || own_area(ospf.config, what).empty();
    });
    if (stub.empty() || !redistributed) return;
    const std::string router = router_line(family);
    Ailment one{router + ": area " + stub + " is a stub area" +
                (outlet ? ", which hears of nothing that is redistributed here"
                        : ", and the only one: nothing that is redistributed leaves this host. Make it an "
                          "NSSA here and on its other routers")};
    if (outlet)
      one.gravity = Gravity::remark;
    else
      one.mend = {vtysh_line(facts.vtysh, {router, "no area " + stub + " stub", "area " + stub + " nssa"})};
    out.push_back(std::move(one));
  });
  return out;
}

Ailments nssa(const FrrFacts& facts) {
  Ailments out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    for (const auto& [area, told] : ospf.config.areas) {
      if (told.nssa && wants(facts, family))
        out.push_back({std::string(daemon_name(family)) + ": area " + area + " is an NSSA"});
    }
  });
  return out;
}

Ailments not_announced(const FrrFacts& facts) {
  Ailments out;
  each_daemon(facts, [&](Family family, const OspfFacts& ospf) {
    if (!ospf.state) return;
    std::set<Prefix> told;
    each_prefix(facts, family, [&](const Patient& patient, const Advertisement& what) {
      if (!facts.present.contains(what.prefix) || !leaves(facts, ospf.config, what)) return;
      if (finding_of(what.prefix, ospf.lsas, *ospf.state).ours || !told.insert(what.prefix).second) return;
      // A stub area is another check's.
      if (finding_of(what.prefix, ospf.lsas, *ospf.state).kept) return;
      out.push_back({patient.name + ": the kernel has " + what.to_string() + ", and the database of " +
                     daemon_name(family) + " has it not from here"});
    });
  });
  return out;
}

Ailments equal_paths(const FrrFacts& facts) {
  Ailments out;
  for (const auto& one : facts.four.equal) {
    out.push_back({"the router " + one.router.to_string() + " reaches " + one.prefix.to_string() +
                   " at the same cost by this node and by " + one.other.to_string()});
  }
  return out;
}

constexpr Check<FrrFacts> kChecks[] = {
    {{"frr-absent", Gravity::blocking, "a routing daemon that does not run",
      "addresses come and go on this host, and nobody tells the network"},
     absent},
    {{"vty-access", Gravity::warning, "FRR's vty sockets and the group frrvty",
      "there it is asked whether an announcement is out, for status, drain and min_peers"},
     unreachable},
    {{"no-ospf", Gravity::blocking, "OSPF that is not configured",
      "nothing is announced by a daemon without it"},
     not_configured},
    {{"no-redistribution", Gravity::blocking, "redistribution, of the kind of each advertisement",
      "addresses are announced as \"connected\" and routes as \"kernel\", by a daemon that is told to"},
     no_redistribution},
    {{"filtered", Gravity::blocking, "a route map, list or summary that drops a prefix",
      "the address is on this host, the service is up, and no router hears of it"},
     dropped},
    {{"filter-unknown", Gravity::remark, "a route map that this program cannot follow",
      "whether it lets the prefix through is not known here; `anyprobe status` tells once it is announced"},
     not_understood},
    {{"stub-area", Gravity::blocking, "a stub area",
      "no external LSA (type 5) enters it (RFC 2328, section 3.6)"},
     stub_areas},
    {{"nssa", Gravity::remark, "a not-so-stubby area",
      "what is redistributed leaves by type 7, and only the area's border makes it known beyond (RFC 3101)"},
     nssa},
    {{"no-neighbour", Gravity::blocking, "a daemon without neighbours", "there is nobody who could be told"},
     no_neighbour},
    {{"not-announced", Gravity::blocking, "a prefix that is there and not announced",
      "the service is up, and no router hears of it"},
     not_announced},
    {{"retransmit-interval", Gravity::warning, "the retransmit interval",
      "a neighbour drops what follows within its min-arrival, and takes it when it is sent again: until then "
      "it routes to a dead service"},
     judge_retransmit},
    {{"lsa-min-arrival", Gravity::remark, "how soon an LSA is taken again (timers lsa min-arrival)",
      "a withdrawal of another node that comes so soon is taken only when it is sent again"},
     judge_min_arrival},
    {{"graceful-restart", Gravity::warning, "a graceful restart",
      "while ospfd restarts, and in FRR 8.4 after it, the neighbours route to a service that has died "
      "meanwhile"},
     judge_graceful},
    {{"graceful-restart-helper", Gravity::remark, "a helper of graceful restarts",
      "what a neighbour announced is routed on for its grace period, though its services may be dead"},
     judge_helper},
    {{"equal-cost", Gravity::remark, "a router with two ways of the same cost",
      "one that shares its load by packets sends a TCP connection to both nodes, which breaks it; let one "
      "node "
      "be nearer, by \"ip ospf cost\""},
     equal_paths},
};

}  // namespace

std::span<const Check<FrrFacts>> frr_checks() {
  return kChecks;
}

}  // namespace anyprobe
