#include "agent_message.hpp"

#include <algorithm>

#include "config.hpp"

namespace anyprobe {
namespace {

constexpr std::size_t kLongestReason = 120;

// What stands behind '#' goes to HAProxy's statistics as it is.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, kLongestReason));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

std::string why(const AgentService& service, bool several) {
  const auto reason = service.health == HealthState::unknown ? "not known yet" : service.reason;
  return shown(several ? std::string(service.name) + ": " + std::string(reason) : std::string(reason));
}

}  // namespace

Outcome<std::string> parse_agent_request(std::string_view line) {
  if (line.size() >= kLongestAgentRequest) return Error{"the request is too long"};
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return std::string();
  if (auto wrong = wrong_with_name(line); !wrong.empty()) return Error{std::move(wrong)};
  return std::string(line);
}

std::string agent_reply(std::span<const AgentService> services) {
  if (services.empty()) return "down ready #there is no such service\n";
  const auto is_down = [](const auto& one) { return one.health == HealthState::down; };
  // What is announced while it is unknown has been up until a restart, and is left as it is.
  const auto is_new = [](const auto& one) { return one.health == HealthState::unknown && !one.announced; };
  const bool drained =
      std::any_of(services.begin(), services.end(), [](const auto& one) { return one.drained; });
  const std::string admin = drained ? "drain" : "ready";
  auto bad = std::find_if(services.begin(), services.end(), is_down);
  if (bad == services.end()) bad = std::find_if(services.begin(), services.end(), is_new);
  if (bad != services.end()) return "down " + admin + " #" + why(*bad, services.size() > 1) + "\n";
  const bool up = std::all_of(services.begin(), services.end(),
                              [](const auto& one) { return one.health == HealthState::up; });
  return (up ? "up " : "") + admin + "\n";
}

}  // namespace anyprobe
