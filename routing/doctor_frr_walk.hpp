// How the doctor's checks of FRR go through its facts. Private to them.
#pragma once

#include "doctor_frr.hpp"

namespace anyprobe {

// Each advertisement that is a prefix of the family.
template <typename Take>
void each_prefix(const FrrFacts& facts, Family family, Take take) {
  for (const auto& patient : facts.patients) {
    for (const auto& what : patient.advertise) {
      if (what.kind != Advertisement::Kind::link && what.prefix.address.family() == family)
        take(patient, what);
    }
  }
}

inline bool wants(const FrrFacts& facts, Family family) {
  bool out = false;
  each_prefix(facts, family, [&](const Patient&, const Advertisement&) { out = true; });
  return out;
}

inline bool readable(const OspfFacts& ospf) {
  return ospf.there && ospf.wrong.empty();
}

// Only daemons that were asked, and that speak OSPF.
template <typename Take>
void each_daemon(const FrrFacts& facts, Take take) {
  for (const auto family : {Family::ipv4, Family::ipv6}) {
    const auto& ospf = family == Family::ipv4 ? facts.four : facts.six;
    if (readable(ospf) && ospf.config.runs) take(family, ospf);
  }
}

inline const char* router_line(Family family) {
  return family == Family::ipv4 ? "router ospf" : "router ospf6";
}

}  // namespace anyprobe
