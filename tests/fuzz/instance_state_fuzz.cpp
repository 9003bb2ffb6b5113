// What an instance wrote down, read by the next run and by whoever withdraws what any run left.
#include <cstdint>
#include <string>

#include "core/instance_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  const auto state = parse_state({reinterpret_cast<const char*>(data), size});
  if (!state) {
    if (state.error().empty() || state.error().find('\n') != std::string::npos) __builtin_trap();
    return 0;
  }
  const auto again = parse_state(write_state(*state));
  if (!again || again->advertisements != state->advertisements ||
      again->handed_over_until != state->handed_over_until || again->drained != state->drained) {
    __builtin_trap();
  }
  return 0;
}
