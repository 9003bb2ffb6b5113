// What the doctor asks FRR: whether it announces what it is given, and how soon.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/doctor.hpp"
#include "link_state.hpp"
#include "ospf_details.hpp"
#include "running_config.hpp"

namespace anyprobe {

struct OspfFacts {
  bool there = false;  // it has a socket
  std::string wrong;   // why it could not be asked all the same
  RunningConfig config = {};
  std::map<std::string, OspfPort> ports = {};  // by interface
  std::optional<LinkState> state = {};         // none: it could not be read
  std::vector<Lsa> lsas = {};                  // of the prefixes
  std::vector<EqualPaths> equal = {};
};

struct FrrFacts {
  std::vector<Patient> patients = {};
  std::string vtysh = "vtysh";  // and what selects the instance
  bool has_group = true;        // frrvty
  bool other_daemon = false;    // BIRD runs
  OspfFacts four = {};
  OspfFacts six = {};
  bool zebra_there = true;  // it has a socket
  RunningConfig zebra = {};
  std::set<Prefix> present = {};  // of what is announced: those that the kernel has, with our mark
};

[[nodiscard]] std::span<const Check<FrrFacts>> frr_checks();

// Asks the daemons that have a vty socket in `vty_dir`, by fixed commands that only show. `patients` and
// `present` are read, not written.
void look_at_frr(EventLoop& loop, const std::string& vty_dir, FrrFacts& facts,
                 std::vector<std::string>& unseen);

}  // namespace anyprobe
