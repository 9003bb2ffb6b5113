#include "routing/link_facts.hpp"

#include <doctest/doctest.h>

using namespace anyprobe;

TEST_CASE("interfaces that have joined AllSPFRouters") {
  // As the kernel prints them on a little-endian machine.
  constexpr const char* kFour =
      "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
      "1\tlo        :     1      V3\n"
      "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
      "4\teth0      :     3      V3\n"
      "\t\t\t\t060000E0     1 0:00000000\t\t0\n"
      "\t\t\t\t050000E0     1 0:00000000\t\t0\n"
      "5\tenp130s0f0np0:     1      V3\n"
      "\t\t\t\t050000E0     1 0:00000000\t\t0\n";
  constexpr const char* kSix =
      "1    lo              ff020000000000000000000000000001     1 0000000C 0\n"
      "6    bond0           ff020000000000000000000000000005     1 00000004 0\n"
      "7    eth1            ff020000000000000000000000000006     1 00000004 0\n";
  CHECK(interfaces_of_ospf(kFour, kSix) == std::set<std::string>{"bond0", "enp130s0f0np0", "eth0"});
  CHECK(interfaces_of_ospf("", "").empty());
}

TEST_CASE("what a link is needed for, in words") {
  CHECK(why_needed("dummy0", false, false, {"eth0"}).empty());
  CHECK(why_needed("lo", true, false, {}).starts_with("it is the loopback interface"));
  CHECK(why_needed("eth0", false, true, {}) == "the default route goes through it");
  CHECK(why_needed("eth0", false, false, {"eth0"}).starts_with("OSPF is spoken on it"));
}
