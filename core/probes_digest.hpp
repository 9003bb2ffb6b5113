// Tells probes that are configured otherwise from those that run.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace anyprobe {

class ConfigReader;

// SHA-256 (FIPS 180-4).
using ProbesDigest = std::array<std::uint8_t, 32>;

// Of all that is configured of them, secrets and what their files hold too, so that none of that is kept for
// longer than the probe needs it.
[[nodiscard]] ProbesDigest digest_of_probes(const ConfigReader& probes);

// Of which types they are, each once: "dns+tcp". Lives as long as the program.
[[nodiscard]] std::string_view types_of_probes(const std::vector<ConfigReader>& probes);

}  // namespace anyprobe
