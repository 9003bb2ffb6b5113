// The options `source` and `bind_device`, alike in every probe that has them.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/options.hpp"

namespace anyprobe {

inline constexpr OptionSpec kSourceOption{
    .name = "source", .kind = OptionKind::address, .help = "the address to ask from"};
inline constexpr OptionSpec kDeviceOption{.name = "bind_device",
                                          .placeholder = "INTERFACE",
                                          .help = "the interface to ask through, whatever the routes say"};

// An error where it is not of the family of each address that is asked.
std::optional<IpAddress> read_source(Options& options, std::span<const Host> hosts);

// Empty: none. That the interface exists is not asked for: it may come later.
std::string read_device(Options& options);

}  // namespace anyprobe
