// What anybody who can connect to the agent's port may send to the prober.
#include <cstdint>
#include <string>

#include "core/agent_message.hpp"
#include "core/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace anyprobe;
  const std::string line(reinterpret_cast<const char*>(data), size);
  const auto name = parse_agent_request(line);
  if (name) {
    if (!line.starts_with(*name) || line.size() > name->size() + 1) __builtin_trap();
    if (!name->empty() && !wrong_with_name(*name).empty()) __builtin_trap();
  } else if (name.error().empty()) {
    __builtin_trap();
  }
  // A reason may come from a module.
  const AgentService service{"web", HealthState::down, (size & 1) != 0, false, line};
  const auto reply = agent_reply({&service, 1});
  if (reply.size() > 200 || reply.find_first_of("\r\n") != reply.size() - 1) __builtin_trap();
  return 0;
}
