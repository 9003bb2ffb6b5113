// What HAProxy's agent-check asks, and what it is told (HAProxy 2.6, configuration.html, 5.2, "agent-check").
// Pure.
//
// A request is the name of a service, "dns\n" (agent-send); none, or an empty line, asks for all there are.
// The reply is one line of words: whether the service works, and the administrative state, which HAProxy
// keeps until it is told otherwise; behind a '#', why not: "up ready\n", "down drain #refused\n". Before the
// '#' is a space: HAProxy 2.6 takes "down#refused", as its manual has it, for no word that it knows, and
// changes nothing.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "health.hpp"
#include "outcome.hpp"

namespace anyprobe {

inline constexpr std::size_t kLongestAgentRequest = 256;  // in octets, with the end of its line

// The name that is asked for, empty for all. `line` without its end.
Outcome<std::string> parse_agent_request(std::string_view line);

struct AgentService {
  std::string_view name;
  HealthState health = HealthState::unknown;
  bool drained = false;
  bool announced = false;   // something of it; what an earlier run announced stands while it is unknown
  std::string_view reason;  // of its health, a slug
};

// Of several the worst; of none that there is none.
std::string agent_reply(std::span<const AgentService> services);

}  // namespace anyprobe
