#include "builtin.hpp"

#include "anyprobe_features.hpp"
#include "dns_probe.hpp"
#include "exec_probe.hpp"
#include "ntp_probe.hpp"
#include "radius_probe.hpp"
#include "sip_probe.hpp"
#include "socks_probe.hpp"
#include "syslog_probe.hpp"
#include "tcp_probe.hpp"

#if ANYPROBE_WITH_LIBCURL
#include "http_probe.hpp"
#include "http_proxy_probe.hpp"
#endif

namespace anyprobe {

std::span<const ProbePlugin* const> builtin_probes() {
  static constexpr const ProbePlugin* kBuiltin[] = {
    &kDnsProbe,
    &kExecProbe,
#if ANYPROBE_WITH_LIBCURL
    &kHttpProbe,
    &kHttpProxyProbe,
#endif
    &kNtpProbe,
    &kRadiusProbe,
    &kSipProbe,
    &kSocksProbe,
    &kSyslogProbe,
    &kTcpProbe,
  };
  return kBuiltin;
}

std::span<const AbsentProbe> absent_probes() {
#if ANYPROBE_WITH_LIBCURL
  return {};
#else
  static constexpr UsualPlace kHttp[] = {
      {.port = 80, .name = "http", .tcp = true, .whom = "host", .options = R"(, "ports": 80)"},
      {.port = 443, .name = "https", .tcp = true, .whom = "host", .options = R"(, "ports": 443)"}};
  static constexpr UsualPlace kHttpProxy[] = {
      {.port = 3128, .name = "http-proxy", .tcp = true, .whom = "host", .options = R"(, "ports": 3128)"}};
  static constexpr AbsentProbe kAbsent[] = {{"http", nullptr, "libcurl", "tcp", kHttp},
                                            {"http_proxy", "squid-probe", "libcurl", "tcp", kHttpProxy}};
  return kAbsent;
#endif
}

}  // namespace anyprobe
