// The declared options of everything but the probes.
#include "config.hpp"

namespace anyprobe {
namespace {

constexpr const char* kLastResorts[] = {"keep", "withdraw"};
constexpr std::int64_t kDay = 24LL * 3600 * 1000;

constexpr OptionSpec kService[] = {
    {.name = "interval",
     .kind = OptionKind::duration,
     .default_value = "1s",
     .help = "from the start of one check to the start of the next, give or take 5%",
     .minimum = 10,
     .maximum = kDay},
    {.name = "timeout",
     .kind = OptionKind::duration,
     .help = "how long a check may take, at most the interval (default: 800ms, or four fifths of a shorter "
             "interval)",
     .minimum = 1,
     .maximum = kDay},
    {.name = "rise",
     .kind = OptionKind::integer,
     .default_value = "2",
     .help = "good answers in a row that make the service up",
     .minimum = 1,
     .maximum = 10000},
    {.name = "fall",
     .kind = OptionKind::integer,
     .default_value = "3",
     .help = "bad answers in a row that make it down",
     .minimum = 1,
     .maximum = 10000},
    {.name = "fast_interval",
     .kind = OptionKind::duration,
     .help = "the interval while an answer differs from the state, and while a port of this host refuses "
             "(default: a tenth of the interval)",
     .minimum = 10,
     .maximum = kDay},
    {.name = "hold_down",
     .kind = OptionKind::duration,
     .default_value = "0s",
     .help = "least time down before it may be announced again",
     .maximum = kDay},
    {.name = "lease",
     .kind = OptionKind::duration,
     .help =
         "how long what is announced outlives the last word of the prober, in whole seconds (default: the "
         "larger of 3s and three intervals; from 100 addresses on at least 15s)",
     .minimum = 1000,
     .maximum = kDay},
    {.name = "linger",
     .kind = OptionKind::duration,
     .help =
         "how long the host goes on answering for an address that is withdrawn as planned, until the network "
         "no longer sends anything to it; a service that failed never lingers (default: until FRR's database "
         "shows it withdrawn and a second more, at most 10s; 2s where that cannot be told)",
     .maximum = 3'600'000},
    {.name = "drain_token",
     .kind = OptionKind::prefix,
     .help =
         "an address that nothing else uses, a /32 or /128, which drain --wait announces on lo to queue with "
         "the other nodes that have the same"},
    {.name = "min_peers",
     .kind = OptionKind::integer,
     .default_value = "0",
     .help =
         "a failure withdraws only what at least so many other routers announce, as far as FRR can tell; 0: "
         "all",
     .maximum = 1000},
    {.name = "last_resort",
     .kind = OptionKind::choice,
     .default_value = "keep",
     .help = "what min_peers does with a service that is known for certain to be dead (its port refuses)",
     .choices = kLastResorts},
    {.name = "on_close",
     .kind = OptionKind::choice,
     .default_value = "withdraw",
     .help =
         "what happens when the kernel tells that a socket of this host that the service is asked at is "
         "closed: it is asked at once, and a refusal withdraws it without waiting for fall; it is asked at "
         "once; nothing",
     .choices = kOnClose},
    {.name = "stale_after",
     .kind = OptionKind::duration,
     .help =
         "no verdict for so long is a failure (default: the larger of lease and fall x interval + timeout)",
     .minimum = 20,
     .maximum = 10 * kDay},
    {.name = "on_up",
     .kind = OptionKind::command,
     .list = true,
     .help = "a program to run when the service has come up"},
    {.name = "on_down",
     .kind = OptionKind::command,
     .list = true,
     .help = "a program to run when the service is no longer up"},
    {.name = "hook_timeout",
     .kind = OptionKind::duration,
     .default_value = "30s",
     .help = "how long on_up and on_down may take before they are killed",
     .minimum = 10,
     .maximum = kDay},
    {.name = "exec_user",
     .kind = OptionKind::text,
     .placeholder = "NAME",
     .help = "whom the commands of the service run as (default: whom the prober runs as)"},
};

constexpr OptionSpec kDamping[] = {
    {.name = "penalty",
     .kind = OptionKind::integer,
     .default_value = "1000",
     .help = "added at each withdrawal",
     .minimum = 1,
     .maximum = 1'000'000},
    {.name = "suppress",
     .kind = OptionKind::integer,
     .default_value = "2000",
     .help = "the penalty above which the service is held back",
     .minimum = 1,
     .maximum = 1'000'000},
    {.name = "reuse",
     .kind = OptionKind::integer,
     .default_value = "750",
     .help = "the penalty below which it is let go",
     .minimum = 1,
     .maximum = 1'000'000},
    {.name = "half_life",
     .kind = OptionKind::duration,
     .default_value = "15m",
     .help = "the time in which the penalty halves",
     .minimum = 100,
     .maximum = kDay},
    {.name = "maximum",
     .kind = OptionKind::duration,
     .default_value = "1h",
     .help = "never held back for longer than this",
     .minimum = 100,
     .maximum = 10 * kDay},
};

constexpr std::int64_t kLargest32 = 0xffffffff;

constexpr OptionSpec kInterface{.name = "interface",
                                .kind = OptionKind::text,
                                .default_value = "lo",
                                .placeholder = "NAME",
                                .help = "the interface they are added to"};

constexpr OptionSpec kAddress[] = {
    {.name = "address",
     .kind = OptionKind::prefix,
     .help = "a service address, added while the service is up",
     .required = true},
    kInterface,
};

constexpr OptionSpec kRoute[] = {
    {.name = "route",
     .kind = OptionKind::prefix,
     .help = "a route of the kernel, added while the service is up",
     .required = true},
    {.name = "device",
     .kind = OptionKind::text,
     .placeholder = "DEV",
     .help = "the interface it goes through; needed where there is no gateway"},
    {.name = "via",
     .kind = OptionKind::address,
     .placeholder = "GATEWAY",
     .help = "the gateway it goes by, of the same family"},
    {.name = "metric",
     .kind = OptionKind::integer,
     .help = "its metric in the kernel, not that of OSPF (default: the kernel's own, 0 in IPv4 and 1024 in "
             "IPv6)",
     .maximum = kLargest32},
    {.name = "table",
     .kind = OptionKind::integer,
     .default_value = "254",
     .help = "the routing table it is put into; 254 is main, the one that FRR redistributes from",
     .minimum = 1,
     .maximum = kLargest32},
};

constexpr OptionSpec kLink[] = {
    {.name = "link",
     .kind = OptionKind::text,
     .placeholder = "NAME",
     .help =
         "an interface that is up while the service is up, and down while it is not, with all the addresses "
         "it carries",
     .required = true},
};

constexpr OptionSpec kAddressesFrom[] = {
    {.name = "addresses_from",
     .kind = OptionKind::text,
     .placeholder = "PATH",
     .help = "a file of addresses and subnets, one a line, # begins a comment; read again when the "
             "configuration is",
     .required = true},
    kInterface,
    {.name = "expand",
     .kind = OptionKind::boolean,
     .default_value = "true",
     .help =
         "whether a subnet stands for each of its addresses, of which it may have 256; otherwise it is one "
         "address with the length of the subnet, and so one LSA"},
};

constexpr OptionSpec kTop[] = {
    {.name = "user",
     .kind = OptionKind::text,
     .placeholder = "NAME",
     .help = "whom the prober runs as (default: anyprobe where there is one, else nobody)"},
    {.name = "plugins",
     .kind = OptionKind::text,
     .placeholder = "FOLDER",
     .help = "a folder of modules with probes of your own; it and they belong to root and are writable by no "
             "one else"},
    {.name = "lsa_spacing",
     .kind = OptionKind::duration,
     .default_value = "1050ms",
     .help = "how long an announcement, or a withdrawal as planned, waits behind the last change of its "
             "prefix, so that no router drops it; a failure is withdrawn at once; 0s where the routers are "
             "tuned",
     .maximum = 60'000},
    {.name = "lsa_flooding",
     .kind = OptionKind::duration,
     .default_value = "6s",
     .help = "how long it may take until every router has heard of a change, with one retransmission; who "
             "queues for a drain waits for twice of it; 2s where all have retransmit-interval 1",
     .minimum = 100,
     .maximum = 600'000},
    {.name = "max_running",
     .kind = OptionKind::integer,
     .default_value = "16",
     .help = "how many commands of exec probes run at the same time; hooks, counted apart, are as many",
     .minimum = 1,
     .maximum = 10000},
};

constexpr OptionSpec kLog[] = {
    {.name = "level",
     .kind = OptionKind::choice,
     .default_value = "info",
     .help = "the least important of what is logged",
     .choices = kLogLevels},
    {.name = "format",
     .kind = OptionKind::choice,
     .default_value = "text",
     .help = "lines for people, or JSON",
     .choices = kLogFormats},
};

constexpr OptionSpec kFrr[] = {
    {.name = "vty_dir",
     .kind = OptionKind::text,
     .default_value = kVtyDir,
     .placeholder = "FOLDER",
     .help = "where the vty sockets of FRR's daemons are (of an instance that is started with -N NAME: "
             "/run/frr/NAME); ospfd and ospf6d are asked what became of the announcements"},
};

constexpr OptionSpec kMetrics[] = {
    {.name = "listen",
     .kind = OptionKind::text,
     .placeholder = "ADDRESS:PORT|PATH",
     .help =
         "where Prometheus may ask for metrics by HTTP: a loopback address with a port, 127.0.0.1:9477 or "
         "[::1]:9477, or the path of a Unix socket, which root and the group anyprobe may open",
     .required = true},
};

constexpr OptionSpec kAgent[] = {
    {.name = "listen",
     .kind = OptionKind::server,
     .placeholder = "ADDRESS:PORT",
     .help =
         "where HAProxy's agent-check is answered (port 9707 where none is given); there is no password, so "
         "who can connect learns which services are up (default: nowhere)"},
};

}  // namespace

std::span<const OptionSpec> service_options() {
  return kService;
}
std::span<const OptionSpec> damping_options() {
  return kDamping;
}
std::span<const OptionSpec> address_options() {
  return kAddress;
}
std::span<const OptionSpec> route_options() {
  return kRoute;
}
std::span<const OptionSpec> link_options() {
  return kLink;
}
std::span<const OptionSpec> addresses_from_options() {
  return kAddressesFrom;
}
std::span<const OptionSpec> top_options() {
  return kTop;
}
std::span<const OptionSpec> log_options() {
  return kLog;
}
std::span<const OptionSpec> frr_options() {
  return kFrr;
}
std::span<const OptionSpec> metrics_options() {
  return kMetrics;
}
std::span<const OptionSpec> agent_options() {
  return kAgent;
}

}  // namespace anyprobe
