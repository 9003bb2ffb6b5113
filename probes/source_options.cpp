#include "probes/source_options.hpp"

#include <net/if.h>

#include "core/text.hpp"

namespace anyprobe {

std::optional<IpAddress> read_source(Options& options, std::span<const Host> hosts) {
  if (!options.has("source")) return std::nullopt;
  const auto source = options.addresses("source").front();
  const auto family = [](const IpAddress& ip) { return ip.family() == Family::ipv4 ? "IPv4" : "IPv6"; };
  for (const auto& host : hosts) {
    if (!host.address || host.address->family() == source.family()) continue;
    options.error("source", in_quotes(source.to_string()) + " is " + family(source) + ", but the server " +
                                host.to_string() + " is " + family(*host.address));
    break;
  }
  return source;
}

std::string read_device(Options& options) {
  auto device = options.text("bind_device");
  const bool possible = !device.empty() && device.size() < IFNAMSIZ && device != "." && device != ".." &&
                        device.find_first_of("/: \t\r\n\v\f") == std::string::npos;
  if (options.has("bind_device") && !possible) {
    options.error("bind_device", in_quotes(device) + " is no name of an interface (try lo)");
  }
  return device;
}

}  // namespace anyprobe
