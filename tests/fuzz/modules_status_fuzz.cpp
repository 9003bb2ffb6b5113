// What a prober of modules that was taken over may say to that of our own probes.
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/metrics.hpp"
#include "core/modules_status.hpp"
#include "core/page_feed.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  using State = AdvertisementState;
  const WallTime now{std::chrono::hours(490'000)};
  const auto lo = [](const char* prefix) {
    Advertisement out;
    out.prefix = Prefix::parse(prefix).value();
    return out;
  };
  ModulesStatus modules("anyprobe-modules");
  modules.expect(
      {{"dns", {lo("192.0.2.1/32")}, false, 0}, {"b", {lo("192.0.2.2/32"), lo("192.0.2.3/32")}, true, 1}},
      now);
  modules.see({State::announced, State::withdrawn, State::foreign});
  auto part = read_status({reinterpret_cast<const char*>(data), size});
  if (!part) return 0;
  modules.take(0, std::move(part).value());
  modules.well();
  const auto told = modules.now();
  if (told.name != "anyprobe-modules" || told.services.size() != 2) __builtin_trap();
  const auto& [dns, b] = std::tie(told.services[0], told.services[1]);
  if (dns.name != "dns" || dns.advertise.size() != 1 || dns.advertise[0].state != State::announced ||
      dns.token)
    __builtin_trap();
  if (b.name != "b" || b.advertise.size() != 1 || !b.token || b.token->advertisement.state != State::foreign)
    __builtin_trap();
  for (const auto& service : told.services) {
    if (service.reason.find_first_of(" \n") != std::string::npos ||
        service.detail.find('\n') != std::string::npos)
      __builtin_trap();
  }
  // Metrics name no other service, and none twice.
  if (const auto text = metrics_text({{told}, {}})) {
    std::set<std::string> samples;
    std::size_t at = 0;
    while (at < text->size()) {
      const auto end = text->find('\n', at);
      const auto line = text->substr(at, end - at);
      at = end == std::string::npos ? text->size() : end + 1;
      if (line.empty() || line.starts_with('#')) continue;
      if (!samples.insert(line.substr(0, line.rfind(' '))).second) __builtin_trap();
      if (line.find("service=") != std::string::npos && line.find("service=\"dns\"") == std::string::npos &&
          line.find("service=\"b\"") == std::string::npos)
        __builtin_trap();
    }
  }
  PageFeed feed("node");
  if (feed.begin({told}, now).empty()) __builtin_trap();
  return 0;
}
