// A configuration of FRR or Quagga, as somebody has written it, and what `init` makes of it: always something
// that the reader takes.
#include <cstdint>
#include <string_view>

#include "core/config_reader.hpp"
#include "probes/builtin.hpp"
#include "routing/frr_filters.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const PluginTable plugins(builtin_probes());
  StartingFacts facts;
  facts.filtered = read_frr_filters(text);
  for (const auto& one : facts.filtered) {
    if (one.prefix.network() != one.prefix.address) __builtin_trap();
  }
  facts.listeners.push_back(
      {Protocol::udp, SocketAddress::parse("0.0.0.0", 53).value(), std::string(text.substr(0, 20))});
  if (!parse_document("init", starting_configuration(facts, plugins))) __builtin_trap();
  return 0;
}
