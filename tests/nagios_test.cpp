#include "core/nagios.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/last_instance.hpp"

using namespace anyprobe;

namespace {

constexpr auto kAnnounced = AdvertisementState::announced;
constexpr auto kWithdrawn = AdvertisementState::withdrawn;

ServiceStatus service(const char* name, HealthState health, std::vector<AdvertisementStatus> advertise) {
  ServiceStatus out;
  out.name = name;
  out.health = health;
  out.reason = health == HealthState::down ? "refused" : "";
  out.detail = health == HealthState::down ? "127.0.0.1:53 udp" : "";
  out.advertise = std::move(advertise);
  return out;
}

ServiceStatus up(const char* name, const char* what = "192.0.2.1/32 on lo") {
  return service(name, HealthState::up, {{what, kAnnounced, {true, 1}}});
}

ServiceStatus down(const char* name) {
  return service(name, HealthState::down, {{"192.0.2.2/32 on lo", kWithdrawn}});
}

// Down, and its two addresses kept.
ServiceStatus last() {
  auto out = service("ns", HealthState::down,
                     {{"192.0.2.9/32 on lo", kAnnounced}, {"2001:db8::9/128 on lo", kAnnounced}});
  for (auto& each : out.advertise) each.last_instance = true;
  return out;
}

Survey all(std::vector<ServiceStatus> services, std::vector<std::string> problems = {}) {
  InstanceStatus out;
  out.name = "anyprobe";
  out.version = "0.1.0";
  out.services = std::move(services);
  out.problems = std::move(problems);
  return {{out}, {}};
}

std::vector<std::string> kept() {
  return {kept_line("ns", "192.0.2.9/32 on lo"), kept_line("ns", "2001:db8::9/128 on lo")};
}

// What it says before the performance data; after it, and its code.
std::string text(const NagiosReport& report) {
  return report.line.substr(0, report.line.find(" | "));
}
std::string numbers(const NagiosReport& report) {
  const auto bar = report.line.find(" | ");
  return bar == std::string::npos ? "" : report.line.substr(bar + 3);
}

void tells(int code, const std::string& words, const Survey& told) {
  const auto report = nagios_report(told);
  CHECK(report.code == code);
  CHECK(text(report) == words);
}

}  // namespace

TEST_CASE("nagios: all is well") {
  auto dns = up("dns");
  dns.advertise.push_back({"2001:db8::1/128 on lo", kAnnounced});
  const auto report = nagios_report(all({dns, up("mail", "192.0.2.25/32 on lo")}));
  CHECK(report.code == kDone);
  CHECK(report.line ==
        "ANYPROBE OK - 2 services up, 3 of 3 advertised | services=2;;;0 up=2;;;0;2 down=0;;0;0;2 "
        "drained=0;0;;0;2 announced=3;;;0;3 wanted=3;;;0;3 unconfirmed=0;0;;0;3 last_instance=0;;0;0;3");
  tells(kDone, "ANYPROBE OK - 1 service up, 1 of 1 advertised", all({up("dns")}));
}

TEST_CASE("nagios: a service that is down is critical") {
  tells(kCritical, "ANYPROBE CRITICAL - dns is down: refused, 127.0.0.1:53 udp",
        all({up("mail"), down("dns")}));
  auto stuck = down("dns");
  stuck.advertise = {{"192.0.2.2/32 on lo", kAnnounced}};
  stuck.reason.clear();
  stuck.detail.clear();
  tells(kCritical, "ANYPROBE CRITICAL - dns is down and still announced (192.0.2.2/32 on lo)", all({stuck}));
}

TEST_CASE("nagios: a last instance that is kept is told first") {
  const auto report = nagios_report(all({down("dns"), last(), up("mail")}, kept()));
  CHECK(report.code == kCritical);
  CHECK(text(report) ==
        "ANYPROBE CRITICAL - LAST INSTANCE: ns is down and kept announced for want of others (min_peers): "
        "192.0.2.9/32 on lo, 2001:db8::9/128 on lo; dns is down: refused, 127.0.0.1:53 udp");
  CHECK(numbers(report) ==
        "services=3;;;0 up=1;;;0;3 down=2;;0;0;3 drained=0;0;;0;3 announced=3;;;0;4 wanted=3;;;0;4 "
        "unconfirmed=0;0;;0;4 last_instance=2;;0;0;4");
}

TEST_CASE("nagios: what is announced and not kept is no last instance") {
  auto half = last();
  half.advertise[1].last_instance = false;
  const auto report = nagios_report(all({half}));
  CHECK(text(report) ==
        "ANYPROBE CRITICAL - LAST INSTANCE: ns is down and kept announced for want of others (min_peers): "
        "192.0.2.9/32 on lo; ns is down and still announced (2001:db8::9/128 on lo): refused, 127.0.0.1:53 "
        "udp");
  auto gone = last();
  for (auto& each : gone.advertise) each.state = kWithdrawn;
  tells(kCritical, "ANYPROBE CRITICAL - ns is down: refused, 127.0.0.1:53 udp", all({gone}, kept()));
}

TEST_CASE("nagios: the last instance of a service that was not asked for is its own matter") {
  tells(kDone, "ANYPROBE OK - 1 service up, 1 of 1 advertised", all({up("dns")}, kept()));
}

TEST_CASE("nagios: what wants a look is a warning") {
  tells(kWarning, "ANYPROBE WARNING - dns is unknown",
        all({service("dns", HealthState::unknown, {{"192.0.2.1/32 on lo", kWithdrawn}})}));
  auto dns = up("dns");
  dns.advertise.front().routing.confirmed = false;
  tells(kWarning, "ANYPROBE WARNING - dns: not confirmed (192.0.2.1/32 on lo)", all({dns}));
  dns = up("dns");
  dns.advertise.front().state = AdvertisementState::foreign;
  tells(kWarning, "ANYPROBE WARNING - dns: foreign (192.0.2.1/32 on lo)", all({dns}));
  dns.advertise.front().state = kWithdrawn;
  tells(kWarning, "ANYPROBE WARNING - dns is up and not announced (192.0.2.1/32 on lo)", all({dns}));
  tells(kWarning, "ANYPROBE WARNING - anyprobe: interface eth7 is missing",
        all({up("dns")}, {"interface eth7 is missing"}));
}

TEST_CASE("nagios: what is drained is a warning, whatever its health") {
  for (const auto admin : {AdminState::draining, AdminState::drained}) {
    auto dns = down("dns");
    dns.admin = admin;
    const auto report = nagios_report(all({dns}));
    CHECK(report.code == kWarning);
    CHECK(text(report) == std::string("ANYPROBE WARNING - dns is ") + to_string(admin));
    CHECK(numbers(report).starts_with("services=1;;;0 up=0;;;0;1 down=0;;0;0;1 drained=1;0;;0;1 "));
  }
}

TEST_CASE("nagios: what could not be asked is unknown, and decides but for what is critical") {
  Survey none;
  none.complain(kNotRunning, "no daemon runs: there is no socket in /run/anyprobe");
  const auto report = nagios_report(none);
  CHECK(report.code == kUnknown);
  CHECK(report.line == "ANYPROBE UNKNOWN - no daemon runs: there is no socket in /run/anyprobe");

  InstanceStatus suspended;
  suspended.name = "dns-probe";
  suspended.state = "suspended";
  suspended.problems = {"dns-probe is suspended: kill -CONT 17 resumes it"};
  const auto with = [&](Survey told) {
    told.instances.push_back(suspended);
    told.complaints.push_back({kNotNow, "suspended", suspended.problems.front()});
    return told;
  };
  tells(kUnknown, "ANYPROBE UNKNOWN - dns-probe is suspended: kill -CONT 17 resumes it; anyprobe: it is odd",
        with(all({up("dns")}, {"it is odd"})));
  tells(kCritical,
        "ANYPROBE CRITICAL - dns is down: refused, 127.0.0.1:53 udp; "
        "dns-probe is suspended: kill -CONT 17 resumes it",
        with(all({down("dns")})));
  tells(kUnknown, "ANYPROBE UNKNOWN - there is no service", all({}));
}

TEST_CASE("nagios: many problems are counted and not told") {
  std::vector<ServiceStatus> services;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) services.push_back(down(name));
  const auto report = nagios_report(all(services));
  CHECK(text(report).ends_with("d is down: refused, 127.0.0.1:53 udp and 2 more"));
  CHECK(text(report).find("e is down") == std::string::npos);

  auto dns = down("dns");
  dns.advertise.assign(1000, {"192.0.2.1/32 on lo", kAnnounced});
  dns.reason.clear();
  dns.detail.clear();
  tells(kCritical,
        "ANYPROBE CRITICAL - dns is down and still announced (192.0.2.1/32 on lo, 192.0.2.1/32 on lo and 998 "
        "more)",
        all({dns}));
}

TEST_CASE("nagios: whatever a daemon says, it is one short line with one bar") {
  auto dns = down("dns");
  dns.detail = "a|b\nc\td\x1b[31m\x7f\xc2\x85";
  tells(kCritical, "ANYPROBE CRITICAL - dns is down: refused, a/b c d?[31m???", all({dns}));

  std::vector<ServiceStatus> services(2000, dns);
  for (auto& each : services) each.name = std::string(64, '|');
  auto long_one = dns;
  long_one.detail = std::string(100'000, '\n');
  services.insert(services.begin(), 5, long_one);
  auto many = all(services, {std::string(100'000, '|')});
  many.complain(kHangs, std::string(100'000, '|'));
  const auto line = nagios_report(many).line;
  CHECK(line.size() < 1024);
  CHECK(std::count(line.begin(), line.end(), '|') == 1);
  CHECK(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; }));
}
