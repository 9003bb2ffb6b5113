// What an instance may have in the kernel, written down in RUN_DIR/NAME.state: for its next run, which keeps
// or withdraws it, and for `anyprobe withdraw`. Only the keeper writes it.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "advertisement.hpp"
#include "event_loop.hpp"
#include "outcome.hpp"

namespace anyprobe {

struct InstanceState {
  std::vector<Advertisement> advertisements;
  // Of what was handed over: nobody but the next run touches it before. Monotonic clock.
  TimePoint handed_over_until{};
  std::set<std::string> drained = {};  // services that are withdrawn by hand
};

inline constexpr std::string_view kStateEnding = ".state";

[[nodiscard]] std::string state_path(const std::string& run_dir, const std::string& name);
[[nodiscard]] std::string write_state(const InstanceState& state);
[[nodiscard]] Outcome<InstanceState> parse_state(std::string_view text);

// Nothing where there is no file. An error names the file.
[[nodiscard]] Outcome<InstanceState> load_state(const std::string& run_dir, const std::string& name);
// Replaces the file as a whole, or removes it where there is nothing to write. Empty, or what failed.
[[nodiscard]] std::string save_state(const std::string& run_dir, const std::string& name,
                                     const InstanceState& state);

}  // namespace anyprobe
