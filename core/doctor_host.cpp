#include "doctor_host.hpp"

#include <linux/capability.h>

#include <array>
#include <cstdio>
#include <iterator>

#include "text.hpp"

namespace anyprobe {
namespace {

using Ailments = std::vector<Ailment>;

struct Capability {
  int number;
  const char* name;
  const char* use;
  bool vital;
};
// What root's keeper has: see limit_keeper(). That of one user needs the first alone, and is none without.
constexpr Capability kCapabilities[] = {
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", "to change addresses and routes", true},
    {CAP_SETUID, "CAP_SETUID", "for the prober to become an unprivileged user", true},
    {CAP_SETGID, "CAP_SETGID", "for the prober to become an unprivileged user", true},
    {CAP_SETPCAP, "CAP_SETPCAP", "to give up what is not needed", true},
    {CAP_KILL, "CAP_KILL", "to end a prober that hangs", false},
    {CAP_NET_BIND_SERVICE, "CAP_NET_BIND_SERVICE", "for a probe to bind a port below 1024", false},
    {CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "to read secrets", false}};

Ailments wrong_configuration(const HostFacts& facts) {
  Ailments out;
  for (const auto& error : facts.config_errors) out.push_back({error});
  return out;
}

Ailments no_configuration(const HostFacts& facts) {
  if (facts.configured) return {};
  return {{"there is no " + facts.config_path, {}}};
}

Ailments capabilities(const HostFacts& facts) {
  Ailments out;
  if (facts.one_user) return out;
  for (const auto& one : kCapabilities) {
    if ((facts.bounding >> static_cast<unsigned>(one.number) & 1U) != 0) continue;
    Ailment missing{
        std::string(one.name) + " is not in the bounding set, which is needed " + one.use +
        "; whoever started this took it away: CapabilityBoundingSet= of the unit, or --cap-add of "
        "the container"};
    if (!one.vital) missing.gravity = Gravity::warning;
    out.push_back(std::move(missing));
  }
  return out;
}

Ailments no_new_privs(const HostFacts& facts) {
  if (!facts.no_new_privs || !facts.has_commands) return {};
  return {
      {"no_new_privs is set for what is started here, and commands are configured: a program that is "
       "setuid, as check_icmp is, runs without its rights (NoNewPrivileges= of the unit)"}};
}

Ailments runs_as_one_user(const HostFacts& facts) {
  Ailments out;
  for (const auto& name : facts.not_in_frrvty)
    out.push_back({in_quotes(name) + " runs as a user that is not root nor in group frrvty"});
  return out;
}

Ailments seccomp(const HostFacts& facts) {
  if (!facts.seccomp_built) return {{"this build of anyprobe is without libseccomp"}};
  if (facts.seccomp_error.empty()) return {};
  return {{facts.seccomp_error +
               ": the prober does not start; the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER), or "
               "whoever started this forbids them: SystemCallFilter= of the unit, or the profile of the "
               "container",
           {},
           Gravity::blocking}};
}

Ailments user(const HostFacts& facts) {
  if (facts.user_error.empty()) return {};
  return {{facts.user_error,
           {"useradd --system --user-group --no-create-home --shell /usr/sbin/nologin anyprobe"}}};
}

Ailments kernel(const HostFacts& facts) {
  int major = 0;
  int minor = 0;
  if (std::sscanf(facts.release.c_str(), "%d.%d", &major, &minor) != 2) return {};
  if (major > 5 || (major == 5 && minor >= 18)) return {};
  return {
      {"Linux " + first_line(facts.release) + " does not tell who made an address (IFA_PROTO, since 5.18)"}};
}

Ailments clock(const HostFacts& facts) {
  if (facts.clock_synchronised.value_or(true)) return {};
  return {{"the clock is not synchronised", {"timedatectl set-ntp true"}}};
}

Ailments own_address(const HostFacts& facts) {
  Ailments out;
  for (const auto& asking : facts.patients) {
    for (const auto& endpoint : asking.asks) {
      if (endpoint.protocol == Protocol::local || endpoint.device == "lo") continue;
      for (const auto& owner : facts.patients) {
        for (const auto& held : owner.advertise) {
          if (held.kind != Advertisement::Kind::address ||
              !Prefix{held.prefix.network(), held.prefix.length}.contains(endpoint.address.ip))
            continue;
          if (endpoint.address.ip.is_loopback()) continue;
          out.push_back(
              {asking.name + " asks " + endpoint.address.to_string() + ", which " +
               (&owner == &asking ? std::string("it announces itself") : owner.name + " announces") +
               ": ask a loopback address, or bind the question to lo"});
        }
      }
    }
  }
  return out;
}

// Of other interfaces, and of loopback ones, it leaves everything as it is.
Ailments networkd_routes(const HostFacts& facts) {
  if (!facts.networkd_runs || !facts.networkd.manages_foreign_routes) return {};
  const auto run = std::find_if(facts.interfaces.begin(), facts.interfaces.end(), [&](const auto& interface) {
    return file_of(facts.networkd, interface) != nullptr;
  });
  if (run == facts.interfaces.end()) return {};
  return {{"systemd-networkd runs " + *run + ", and ManageForeignRoutes= is not \"no\"",
           {"install -d /etc/systemd/networkd.conf.d && printf '[Network]\\nManageForeignRoutes=no\\n' "
            ">/etc/systemd/networkd.conf.d/anyprobe.conf",
            "systemctl restart systemd-networkd"}}};
}

Ailments networkd_addresses(const HostFacts& facts) {
  Ailments out;
  if (!facts.networkd_runs) return out;
  std::vector<std::string> seen;
  for (const auto& patient : facts.patients) {
    for (const auto& held : patient.advertise) {
      const auto interface = std::string(held.interface);
      const auto* file =
          held.kind == Advertisement::Kind::route ? nullptr : file_of(facts.networkd, interface);
      if (file == nullptr || file->keeps ||
          std::count(facts.interfaces.begin(), facts.interfaces.end(), interface) == 0)
        continue;
      if (std::find(seen.begin(), seen.end(), interface) != seen.end()) continue;
      seen.push_back(interface);
      const auto folder = "/etc/systemd/network/" + file->file + ".d";
      out.push_back(
          {"systemd-networkd runs " + interface + " by " + in_quotes(file->file) +
               ", which has no KeepConfiguration=yes",
           {"install -d " + shell_word(folder) + " && printf '[Network]\\nKeepConfiguration=yes\\n' >" +
                shell_word(folder + "/anyprobe.conf"),
            "networkctl reload"}});
    }
  }
  return out;
}

Ailments held_twice(const HostFacts& facts) {
  Ailments out;
  for (auto one = facts.held.begin(); one != facts.held.end(); ++one) {
    for (auto other = std::next(one); other != facts.held.end(); ++other) {
      for (const auto& a : one->second) {
        for (const auto& b : other->second) {
          if (a.kind == b.kind && a.kind != Advertisement::Kind::link && a.prefix.overlaps(b.prefix))
            out.push_back({a.to_string() + " of " + in_quotes(one->first) + " and " + b.to_string() + " of " +
                           in_quotes(other->first)});
        }
      }
    }
  }
  return out;
}

constexpr Check<HostFacts> kChecks[] = {
    {{"configuration", Gravity::blocking, "an error in the configuration",
      "with it anyprobe does not start, and does not take a reload"},
     wrong_configuration},
    {{"no-configuration", Gravity::remark, "no configuration where it is looked for",
      "only what runs is looked at, and not whom it asks; another file is named by --config"},
     no_configuration},
    {{"capabilities", Gravity::blocking, "capabilities that the bounding set lacks",
      "nothing can be done here by which anyprobe could get it"},
     capabilities},
    {{"no-new-privs", Gravity::warning, "commands, where no_new_privs is set",
      "such a probe fails though its service is well"},
     no_new_privs},
    {{"one-user", Gravity::remark, "an instance that is not started as root and may not ask FRR",
      "whether FRR announces what is announced here is not told, min_peers keeps nothing, and nothing drains "
      "in its turn; least-privilege.conf, where the unit has it, says what SupplementaryGroups=frrvty costs"},
     runs_as_one_user},
    {{"seccomp", Gravity::warning, "limits of system calls (seccomp), of the build and of the kernel",
      "the prober reads what comes from the network, and its system calls are not limited"},
     seccomp},
    {{"user", Gravity::blocking, "the user that the prober runs as", "the prober does not run as root"},
     user},
    {{"kernel", Gravity::remark, "a kernel before 5.18",
      "after a crash, IPv6 addresses that the last run left cannot be told from those of others, and are "
      "refused until they are removed by hand"},
     kernel},
    {{"clock", Gravity::remark, "a clock that nobody sets",
      "certificates are judged by it, RADIUS servers and logs go by it, and a jump makes them wrong at once; "
      "leases and intervals do not depend on it"},
     clock},
    {{"asks-own-address", Gravity::warning, "a probe that asks an address that is announced from here",
      "while the address is withdrawn, another node answers: a dead service is announced again"},
     own_address},
    {{"networkd-routes", Gravity::warning, "routes that systemd-networkd removes",
      "whenever it starts, it removes from the interfaces that it configures the routes that it did not "
      "make, "
      "those of FRR too: services are away until that is repaired"},
     networkd_routes},
    {{"networkd-addresses", Gravity::warning, "addresses that systemd-networkd removes",
      "whenever it starts, it removes what it did not make from an interface that it configures, but for lo: "
      "services are away until anyprobe repairs that"},
     networkd_addresses},
    {{"held-twice", Gravity::warning, "a prefix that two running instances hold",
      "each withdraws it when its own service fails, whatever the other says"},
     held_twice},
};

}  // namespace

std::span<const Check<HostFacts>> host_checks() {
  return kChecks;
}

}  // namespace anyprobe
