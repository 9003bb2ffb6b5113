// A probe whose targets may be given by name. It is made anew when their addresses change, and knows
// addresses alone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/event_loop.hpp"
#include "core/host.hpp"
#include "core/probe.hpp"

namespace anyprobe {

struct NamedHost {
  Host host;
  bool needed = true;              // without its address there is nothing to ask
  std::optional<Family> family{};  // looked for; unset: that of them all
};

// In the order of the hosts; unset is only what is not needed and has no address now.
using ResolvedHosts = std::vector<std::optional<SocketAddress>>;
// Never returns null.
using MakeProbe = std::function<std::unique_ptr<Probe>(const ResolvedHosts& hosts)>;

// Where every host is an address: the probe itself. Otherwise one that looks the names up before it asks the
// first time, keeps each address for its time to live (5 s at least), and renews it beside the questions, so
// that no answer waits for a resolver again; an address that cannot be renewed stays. As long as an address
// that is needed has never been known, the result is a local error.
// `family`: only addresses of this family are looked for, where a host does not say another.
std::unique_ptr<Probe> make_named_probe(EventLoop& loop, std::vector<NamedHost> hosts,
                                        std::optional<Family> family, MakeProbe make);

// The addresses of hosts that are all needed.
std::vector<SocketAddress> addresses_of(const ResolvedHosts& hosts);
std::vector<NamedHost> all_needed(const std::vector<Host>& hosts);

}  // namespace anyprobe
