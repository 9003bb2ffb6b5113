// The declared options of everything but the probes.
#include "config.hpp"

namespace anyprobe {
namespace {

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
     .help = "the interval while an answer differs from the state (default: a tenth of the interval)",
     .minimum = 10,
     .maximum = kDay},
    {.name = "hold_down",
     .kind = OptionKind::duration,
     .default_value = "0s",
     .help = "least time down before it may be announced again",
     .maximum = kDay},
    {.name = "stale_after",
     .kind = OptionKind::duration,
     .help = "no verdict for so long is a failure (default: the largest of 3s, three intervals, and fall x "
             "interval + "
             "timeout)",
     .minimum = 20,
     .maximum = 10 * kDay},
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

constexpr OptionSpec kAdvertisement[] = {
    {.name = "address",
     .kind = OptionKind::prefix,
     .help = "a service address, added while the service is up",
     .required = true},
    {.name = "interface",
     .kind = OptionKind::text,
     .default_value = "lo",
     .placeholder = "NAME",
     .help = "the interface it is added to"},
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

}  // namespace

std::span<const OptionSpec> service_options() {
  return kService;
}
std::span<const OptionSpec> damping_options() {
  return kDamping;
}
std::span<const OptionSpec> advertisement_options() {
  return kAdvertisement;
}
std::span<const OptionSpec> top_options() {
  return kTop;
}
std::span<const OptionSpec> log_options() {
  return kLog;
}

}  // namespace anyprobe
