#include "shared_probes.hpp"
#include "config_reader.hpp"

#include <algorithm>

namespace anyprobe {

std::vector<bool> read_shared(const ConfigReader& probes, bool several) {
  std::vector<bool> out;
  for (const auto& probe : probes.items()) {
    const auto shared = probe.at("shared");
    out.push_back(shared.value() == nlohmann::ordered_json(true));
    if (probe.has("shared") && !shared.value().is_boolean())
      shared.error(shown(shared.value()) + " is neither true nor false");
    if (out.back() && !several)
      shared.error("is for one of several \"probes\": the only one says whether the service itself works");
  }
  if (several && std::find(out.begin(), out.end(), false) == out.end())
    probes.error("are all shared: none says whether the service itself works");
  return out;
}

}  // namespace anyprobe
