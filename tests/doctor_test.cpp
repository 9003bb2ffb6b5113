#include "core/doctor.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/doctor_host.hpp"
#include "doctor_findings.hpp"
#include "routing/doctor_network.hpp"

using namespace anyprobe;

namespace {

using Ids = std::vector<std::string>;

Ids found(const HostFacts& facts) {
  return ids_of(host_checks(), facts);
}
Ids found(const NetworkFacts& facts) {
  return ids_of(network_checks(), facts);
}

Endpoint udp(const char* ip, std::uint16_t port = 53) {
  return {{IpAddress::parse(ip).value(), port}, Protocol::udp, ""};
}

HostFacts healthy_host() {
  HostFacts out;
  out.patients = {patient()};
  out.clock_synchronised = true;
  return out;
}

ListedSocket socket_at(const char* ip, bool takes_ipv4 = true, std::uint16_t port = 53) {
  return {Protocol::udp, {{IpAddress::parse(ip).value(), port}, takes_ipv4}};
}

NetworkFacts healthy_network() {
  NetworkFacts out;
  out.patients = {patient()};
  out.patients[0].asks = {udp("127.0.0.1")};
  out.links = {{"lo", true, true, false}, {"eth0", true, false, true, "", 1, 2, 2}};
  out.addresses = {{Prefix::parse("127.0.0.1/8").value(), "lo", false},
                   {Prefix::parse("198.51.100.2/30").value(), "eth0", false},
                   {Prefix::parse("192.0.2.1/32").value(), "lo", true}};
  out.sockets = {{socket_at("::")}};
  return out;
}

}  // namespace

TEST_CASE("doctor: nothing is found on a host in order") {
  CHECK(found(healthy_host()).empty());
  CHECK(found(healthy_network()).empty());
}

TEST_CASE("doctor: the configuration") {
  auto facts = healthy_host();
  facts.config_errors = {"anyprobe.json: services: is missing", "another"};
  CHECK(found(facts) == Ids{"configuration", "configuration"});
  facts = healthy_host();
  facts.configured = false;
  CHECK(found(facts) == Ids{"no-configuration"});
}

TEST_CASE("doctor: what the processes may do") {
  auto facts = healthy_host();
  facts.bounding &= ~(std::uint64_t{1} << 12U);
  CHECK(found(facts) == Ids{"capabilities"});
  CHECK(first_of(host_checks(), facts).gravity() == Gravity::blocking);
  facts.bounding = ~(std::uint64_t{1} << 10U);
  CHECK(first_of(host_checks(), facts).gravity() == Gravity::warning);

  // Who has CAP_NET_ADMIN and is not root needs none of the others.
  facts.one_user = true;
  CHECK(found(facts).empty());
  facts.not_in_frrvty = {"anyprobe"};
  CHECK(found(facts) == Ids{"one-user"});

  facts = healthy_host();
  facts.no_new_privs = true;
  CHECK(found(facts).empty());
  facts.has_commands = true;
  CHECK(found(facts) == Ids{"no-new-privs"});

  facts = healthy_host();
  facts.seccomp_built = false;
  CHECK(found(facts) == Ids{"seccomp"});
  CHECK(first_of(host_checks(), facts).gravity() == Gravity::warning);
  facts = healthy_host();
  facts.seccomp_error = "Operation not permitted";
  CHECK(found(facts) == Ids{"seccomp"});
  CHECK(first_of(host_checks(), facts).gravity() == Gravity::blocking);
  facts = healthy_host();
  facts.user_error = "there is no user \"nobody\"";
  CHECK(found(facts) == Ids{"user"});
}

TEST_CASE("doctor: the kernel and the clock") {
  auto facts = healthy_host();
  for (const auto* release : {"5.17.3-amd64", "4.19.0", "3.10"}) {
    facts.release = release;
    CHECK(found(facts) == Ids{"kernel"});
  }
  for (const auto* release : {"5.18.0", "6.1.0-18-amd64", "nonsense"}) {
    facts.release = release;
    CHECK(found(facts).empty());
  }
  facts.clock_synchronised = false;
  CHECK(found(facts) == Ids{"clock"});
  facts.clock_synchronised.reset();
  CHECK(found(facts).empty());
}

TEST_CASE("doctor: a probe that asks an address that is announced") {
  auto facts = healthy_host();
  facts.patients[0].asks = {udp("127.0.0.1"), udp("192.0.2.9")};
  CHECK(found(facts).empty());
  facts.patients[0].asks = {udp("192.0.2.1")};
  CHECK(found(facts) == Ids{"asks-own-address"});
  facts.patients[0].asks[0].device = "lo";
  CHECK(found(facts).empty());
  facts = healthy_host();
  facts.patients.push_back({"web", {{Prefix::parse("203.0.113.0/28").value()}}, {}});
  facts.patients[0].asks = {udp("203.0.113.7")};
  CHECK(found(facts) == Ids{"asks-own-address"});
}

TEST_CASE("doctor: systemd-networkd") {
  auto facts = healthy_host();
  facts.networkd_runs = true;
  facts.interfaces = {"eth0", "dummy0"};
  CHECK(found(facts).empty());  // it configures nothing
  facts.networkd.links = {{"10-lo.network", {"lo"}}};
  CHECK(found(facts).empty());  // nor does it clear a loopback interface
  facts.networkd.links = {{"10-dummy.network", {"d*"}}, {"20-dummy.network", {"dummy0"}, true}};
  CHECK(found(facts) == Ids{"networkd-routes"});
  facts.networkd.manages_foreign_routes = false;
  CHECK(found(facts).empty());
  facts.patients[0].advertise[0].interface = "dummy0";
  CHECK(found(facts) == Ids{"networkd-addresses"});
  CHECK(first_of(host_checks(), facts).ailment.mend[0].find("/etc/systemd/network/10-dummy.network.d") !=
        std::string::npos);
  facts.networkd.links[0].keeps = true;
  CHECK(found(facts).empty());
  facts.networkd.links = {{"10-eth.network", {"!dummy0"}}};
  CHECK(found(facts).empty());
  facts.networkd.links = {{"10-dummy.network", {"dummy0"}}};
  facts.networkd_runs = false;
  CHECK(found(facts).empty());
}

TEST_CASE("doctor: the files of systemd-networkd") {
  namespace fs = std::filesystem;
  char name[] = "/tmp/anyprobe-doctor-XXXXXX";
  const std::string root = mkdtemp(name);
  const auto write = [&](const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  };
  CHECK(read_networkd(root).manages_foreign_routes);
  write("/etc/systemd/networkd.conf", "[Network]\n#ManageForeignRoutes=no\n");
  CHECK(read_networkd(root).manages_foreign_routes);
  write("/usr/lib/systemd/networkd.conf.d/a.conf", "[Network]\nManageForeignRoutes = No \n");
  CHECK_FALSE(read_networkd(root).manages_foreign_routes);
  write("/etc/systemd/networkd.conf.d/a.conf", "[DHCP]\nManageForeignRoutes=no\n");
  CHECK(read_networkd(root).manages_foreign_routes);

  write("/usr/lib/systemd/network/10-lo.network", "[Match]\nName=lo dummy*\n[Network]\nDHCP=no\n");
  auto settings = read_networkd(root);
  REQUIRE(file_of(settings, "dummy7") != nullptr);
  CHECK_FALSE(file_of(settings, "dummy7")->keeps);
  CHECK(file_of(settings, "eth0") == nullptr);
  write("/etc/systemd/network/10-lo.network.d/keep.conf", "[Network]\nKeepConfiguration=yes\n");
  CHECK(file_of(read_networkd(root), "lo")->keeps);
  write("/etc/systemd/network/10-lo.network.d/keep.conf", "[Network]\nKeepConfiguration=dhcp-on-stop\n");
  CHECK_FALSE(file_of(read_networkd(root), "lo")->keeps);
  fs::remove_all(root);
}

TEST_CASE("doctor: two instances that hold one prefix") {
  auto facts = healthy_host();
  facts.held["a"] = {{Prefix::parse("192.0.2.1/32").value()}};
  facts.held["b"] = {{Prefix::parse("192.0.2.2/32").value()}};
  CHECK(found(facts).empty());
  facts.held["b"].push_back({Prefix::parse("192.0.2.0/28").value()});
  CHECK(found(facts) == Ids{"held-twice"});
  facts.held["b"] = {{Prefix::parse("192.0.2.1/32").value()}};
  CHECK(found(facts) == Ids{"held-twice"});
}

TEST_CASE("doctor: who listens") {
  auto facts = healthy_network();
  for (const auto& good : {socket_at("0.0.0.0"), socket_at("192.0.2.1"), socket_at("::")}) {
    facts.sockets = {{good}};
    CHECK(found(facts).empty());
  }
  for (const auto& bad : {socket_at("127.0.0.1"), socket_at("::", false), socket_at("192.0.2.2")}) {
    facts.sockets = {{bad}};
    CHECK(found(facts) == Ids{"not-listening"});
    CHECK(first_of(network_checks(), facts).gravity() == Gravity::blocking);
  }
  facts.sockets = {{socket_at("0.0.0.0", true, 54)}};
  CHECK(found(facts) == Ids{"service-down"});
  facts.patients[0].asks = {udp("198.51.100.77")};  // of another host
  CHECK(found(facts).empty());
  facts = healthy_network();
  facts.sockets.reset();
  CHECK(found(facts).empty());
  facts = healthy_network();
  facts.patients[0].asks[0].protocol = Protocol::tcp;
  CHECK(found(facts) == Ids{"service-down"});
  facts = healthy_network();
  facts.patients[0].advertise[0].prefix = Prefix::parse("192.0.2.0/28").value();
  facts.sockets = {{socket_at("192.0.2.7")}};
  CHECK(found(facts).empty());
}

TEST_CASE("doctor: shared segments and ARP") {
  auto facts = healthy_network();
  facts.links[1].arp_ignore = 0;
  facts.links[1].arp_announce = 0;
  CHECK(found(facts).empty());  // hosts of the segment ask for nothing outside its subnet
  facts.addresses.push_back({Prefix::parse("192.0.2.200/24").value(), "eth0", false});
  CHECK(found(facts) == Ids{"arp-ignore", "arp-announce"});
  CHECK(first_of(network_checks(), facts).gravity() == Gravity::warning);
  facts.links[1].asks_by_arp = false;
  CHECK(found(facts).empty());

  facts.links[1] = {"eth0", true, false, true, "", 1, 1, 2};
  CHECK(found(facts) == Ids{"arp-announce"});
  facts.patients[0].advertise[0].prefix = Prefix::parse("2001:db8::1/128").value();
  CHECK(found(facts).empty());

  facts = healthy_network();
  facts.patients[0].advertise[0].interface = "eth0";
  CHECK(found(facts) == Ids{"shared-segment"});
  facts.patients[0].advertise[0].interface = "eth7";
  CHECK(found(facts) == Ids{"interface-missing"});
}

TEST_CASE("doctor: rp_filter, linger, VRF and foreign addresses") {
  auto facts = healthy_network();
  facts.links[1].rp_filter = 1;
  CHECK(found(facts).empty());  // there is one way alone
  facts.links.push_back({"eth1", true, false, false, "", 1, 2, 0});
  facts.addresses.push_back({Prefix::parse("198.51.100.6/30").value(), "eth1", false});
  CHECK(found(facts) == Ids{"rp-filter"});
  facts.links[1].rp_filter = 2;
  CHECK(found(facts).empty());

  facts = healthy_network();
  facts.ipv6_lingers = false;
  CHECK(found(facts).empty());
  facts.patients[0].advertise.push_back({Prefix::parse("2001:db8::1/128").value()});
  CHECK(found(facts).empty());
  facts.patients[0].linger = std::chrono::seconds(2);
  CHECK(found(facts) == Ids{"ipv6-linger"});

  facts = healthy_network();
  facts.links.push_back({"dummy0", true, false, false, "red"});
  CHECK(found(facts).empty());
  facts.patients[0].advertise[0].interface = "dummy0";
  CHECK(found(facts) == Ids{"vrf"});
  CHECK(first_of(network_checks(), facts).ailment.mend == Ids{"ip link set dev dummy0 nomaster"});

  facts = healthy_network();
  facts.addresses[2].ours = false;
  CHECK(found(facts) == Ids{"foreign-address"});
  facts.addresses[2].interface = "eth0";
  CHECK(found(facts).empty());
}

TEST_CASE("doctor: an interface that is down") {
  auto facts = healthy_network();
  facts.links[1].up = false;
  CHECK(found(facts).empty());
  facts.patients[0].advertise[0].interface = "eth0";
  CHECK(found(facts) == Ids{"interface-down"});
  CHECK(first_of(network_checks(), facts).ailment.mend == Ids{"ip link set dev eth0 up"});
}

TEST_CASE("doctor: links that are announced as a whole") {
  auto facts = healthy_network();
  const auto link = Advertisement::link("dummy0.7");
  facts.patients[0].advertise = {link};
  facts.links.push_back({"dummy0.7", false, false, false});
  const auto carry = [&](const char* prefix) {
    facts.addresses.push_back({Prefix::parse(prefix).value(), "dummy0.7", false});
  };
  CHECK(found(facts) == Ids{"link-empty"});
  carry("fe80::1/64");
  CHECK(found(facts) == Ids{"link-empty"});
  carry("203.0.113.17/28");
  CHECK(found(facts).empty());
  facts.links.back().forgets_ipv6 = true;
  CHECK(found(facts).empty());
  carry("2001:db8::7/64");
  carry("2001:db8::8/64");
  CHECK(found(facts) == Ids{"link-forgets"});
  CHECK(first_of(network_checks(), facts).ailment.mend ==
        Ids{"sysctl -w net/ipv6/conf/dummy0.7/keep_addr_on_down=1"});
  facts.links.back() = {"dummy0.7", true, false, false};
  facts.links.back().needed = "OSPF is spoken on it";
  CHECK(found(facts) == Ids{"link-needed"});

  facts.patients[0].advertise.push_back({Prefix::parse("192.0.2.1/32").value()});
  const auto seen = patients_by_prefix(facts);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].advertise ==
        std::vector<Advertisement>{{Prefix::parse("203.0.113.16/28").value(), "dummy0.7"},
                                   {Prefix::parse("2001:db8::/64").value(), "dummy0.7"},
                                   {Prefix::parse("192.0.2.1/32").value()}});
}

TEST_CASE("doctor: the report") {
  Report report;
  CHECK(report_code(report) == 0);
  CHECK(report_text(report) == "nothing is found that keeps anyprobe from working\n");
  auto facts = healthy_host();
  facts.clock_synchronised = false;
  examine(host_checks(), facts, report);
  CHECK(report_code(report) == 0);
  facts.no_new_privs = facts.has_commands = true;
  examine(host_checks(), facts, report);
  CHECK(report_code(report) == 1);
  facts.user_error = "there is no user \"nobody\"";
  examine(host_checks(), facts, report);
  sort_by_gravity(report);
  CHECK(report_code(report) == 2);
  report.unseen = {"the moon"};
  const auto text = report_text(report);
  CHECK(text.starts_with("blocking: user\n  there is no user \"nobody\"\n  why: "));
  CHECK(text.find("\n  $ useradd ") != std::string::npos);
  CHECK(text.find("\nnot looked at: the moon\n") != std::string::npos);
  CHECK(text.ends_with("\n1 blocking, 2 warnings, 3 remarks\n"));
  const auto told = nlohmann::json::parse(report_json(report));
  CHECK(told["code"] == 2);
  CHECK(told["findings"].size() == 6);
  CHECK(told["findings"][0]["id"] == "user");
  CHECK(told["findings"][0]["gravity"] == "blocking");
  CHECK(told["not_looked_at"][0] == "the moon");
  CHECK(shell_word("eth0.5") == "eth0.5");
  CHECK(shell_word("it's") == "'it'\\''s'");
  CHECK(shell_word("").size() == 2);
}
