#include "builtin.hpp"

#include "dns_probe.hpp"
#include "tcp_probe.hpp"

namespace anyprobe {

std::span<const ProbePlugin* const> builtin_probes() {
  static constexpr const ProbePlugin* kBuiltin[] = {&kDnsProbe, &kTcpProbe};
  return kBuiltin;
}

}  // namespace anyprobe
