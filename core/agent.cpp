#include "agent.hpp"

#include <algorithm>
#include <utility>

#include "agent_message.hpp"

namespace anyprobe {
namespace {

// Anybody may connect where the address is not a loopback one. HAProxy without agent-send says nothing and
// waits.
constexpr LineLimits kLimits{.longest = kLongestAgentRequest,
                             .clients = 64,
                             .patience = std::chrono::seconds(2),
                             .hearing = std::chrono::milliseconds(100)};

AgentService seen(const Service& service, bool drained) {
  const auto served = service.config().served();
  const bool announced = std::any_of(served.begin(), served.end(), [&](const Advertisement& what) {
    return service.standing(what) == AdvertisementState::announced;
  });
  return {service.name(), service.state(), drained, announced, service.reason()};
}

std::string answer(std::string_view line, const Agent::Services& services,
                   const std::function<bool(const std::string&)>& drained) {
  const auto name = parse_agent_request(line);
  if (!name) return {};
  std::vector<AgentService> asked;
  for (const auto& service : services) {
    if (name->empty() || service->name() == *name) asked.push_back(seen(*service, drained(service->name())));
  }
  return agent_reply(asked);
}

}  // namespace

Agent::Agent(EventLoop& loop, const Services& services, std::function<bool(const std::string&)> drained)
    : LineServer(
          loop,
          [&services, drained = std::move(drained)](std::string_view line) {
            return answer(line, services, drained);
          },
          kLimits) {}

}  // namespace anyprobe
